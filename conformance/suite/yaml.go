package suite

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// WriteJSON writes the report as JSON.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(r)
}

// WriteYAML writes the report as YAML: what WriteJSON writes, in blocks.
// Texts are in double quotes, whose escapes are JSON's.
func (r *Report) WriteYAML(w io.Writer) error {
	var plain bytes.Buffer
	if err := r.WriteJSON(&plain); err != nil {
		return err
	}
	d := json.NewDecoder(&plain)
	d.UseNumber()
	var out strings.Builder
	if err := yamlValue(d, &out, 0, false); err != nil {
		return fmt.Errorf("write yaml: %w", err)
	}
	_, err := io.WriteString(w, strings.TrimPrefix(out.String(), "\n"))
	return err
}

// yamlValue writes the next value, which stands behind "key:" or "-". In a
// list, an object begins on the line of its dash.
func yamlValue(d *json.Decoder, out *strings.Builder, indent int, inList bool) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	switch t {
	case json.Delim('{'):
		return yamlObject(d, out, indent, inList)
	case json.Delim('['):
		return yamlList(d, out, indent)
	}
	var text []byte
	if text, err = json.Marshal(t); err == nil {
		fmt.Fprintf(out, " %s\n", text)
	}
	return err
}

func yamlObject(d *json.Decoder, out *strings.Builder, indent int, inList bool) error {
	if !d.More() {
		out.WriteString(" {}\n")
		_, err := d.Token()
		return err
	}
	for first := true; d.More(); first = false {
		key, err := d.Token()
		if err != nil {
			return err
		}
		switch {
		case first && inList:
			out.WriteString(" ")
		case first:
			out.WriteString("\n" + strings.Repeat(" ", indent))
		default:
			out.WriteString(strings.Repeat(" ", indent))
		}
		fmt.Fprintf(out, "%s:", key)
		if err := yamlValue(d, out, indent+2, false); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

func yamlList(d *json.Decoder, out *strings.Builder, indent int) error {
	if !d.More() {
		out.WriteString(" []\n")
		_, err := d.Token()
		return err
	}
	out.WriteString("\n")
	for d.More() {
		out.WriteString(strings.Repeat(" ", indent) + "-")
		if err := yamlValue(d, out, indent+2, true); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}
