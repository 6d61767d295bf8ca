package hcl

import (
	"encoding"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"path/filepath"
	"strings"
	"time"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/message"
)

// assign stores v in the setting. A path is relative to folder. The error
// says what was wanted.
func assign(s config.Setting, v cty.Value, folder string) error {
	switch to := s.Value.(type) {
	case *bool:
		v, err := convert.Convert(v, cty.Bool)
		if err != nil {
			return errors.New("want true or false")
		}
		*to = v.True()
	case *int:
		n, err := whole(v)
		*to = n
		return err
	case *string:
		return assignText(to, v, s.Form, folder)
	case *config.Secret:
		return assignText((*string)(to), v, config.Text, folder)
	case *config.Bytes:
		return assignParsed(to, v, config.ParseBytes)
	case *time.Duration:
		return assignParsed(to, v, parseLength)
	case *fallback.Bounds:
		return assignBounds(to, v)
	case *[]string:
		return assignList(to, v, s.Form, folder)
	case *[]message.Route:
		return assignRoutes(to, v)
	case *map[string]string:
		return assignMap(to, v)
	case encoding.TextUnmarshaler:
		return assignWord(to, v, s.Words)
	default:
		panic(fmt.Sprintf("setting %s has a %T", s.Name, to)) // the table is wrong
	}
	return nil
}

func assignText(to *string, v cty.Value, form config.Form, folder string) error {
	text, err := textOf(v)
	if err != nil {
		return err
	}
	*to, err = formed(text, form, folder)
	return err
}

// formed returns what text says in that form.
func formed(text string, form config.Form, folder string) (string, error) {
	switch form {
	case config.Path:
		return inFolder(text, folder)
	case config.Program:
		if strings.ContainsRune(text, '/') {
			return inFolder(text, folder)
		}
	case config.Text, config.Address:
	}
	return text, nil
}

// assignParsed stores what parse makes of the text.
func assignParsed[T any](to *T, v cty.Value, parse func(string) (T, error)) error {
	text, err := textOf(v)
	if err != nil {
		return err
	}
	*to, err = parse(text)
	return err
}

func assignBounds(to *fallback.Bounds, v cty.Value) error {
	var pair []string
	if err := assignList(&pair, v, config.Text, ""); err != nil || len(pair) != 2 {
		return errors.New(`want a list of the least and the most, such as ["1s", "5m"]`)
	}
	least, err := parseLength(pair[0])
	if err != nil {
		return err
	}
	most, err := parseLength(pair[1])
	*to = fallback.Bounds{Min: least, Max: most}
	return err
}

var errNoList = errors.New(`want a list of texts, such as ["a", "b"]`)

// assignList stores a list of texts of a form; only the first can be a
// program.
func assignList(to *[]string, v cty.Value, form config.Form, folder string) error {
	v, err := convert.Convert(v, cty.List(cty.String))
	if err != nil || v.IsNull() {
		return errNoList
	}
	items := make([]string, 0, v.LengthInt())
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		if e.IsNull() {
			return errNoList
		}
		text, err := formed(e.AsString(), form, folder)
		if err != nil {
			return err
		}
		items = append(items, text)
		if form == config.Program {
			form = config.Text // of the arguments
		}
	}
	*to = items
	return nil
}

func assignRoutes(to *[]message.Route, v cty.Value) error {
	var texts []string
	if err := assignList(&texts, v, config.Text, ""); err != nil {
		return errors.New(`want a list of routes, such as ["GET PUT /items/{id}", "/files/*"]`)
	}
	routes := make([]message.Route, len(texts))
	for i, text := range texts {
		var err error
		if routes[i], err = config.ParseRoute(text); err != nil {
			return err
		}
	}
	*to = routes
	return nil
}

func assignMap(to *map[string]string, v cty.Value) error {
	v, err := convert.Convert(v, cty.Map(cty.String))
	if err != nil || hasNull(v) {
		return errors.New(`want an object of texts, such as { LANG = "C" }`)
	}
	m := make(map[string]string, v.LengthInt())
	for k, e := range v.AsValueMap() {
		m[k] = e.AsString()
	}
	*to = m
	return nil
}

func assignWord(to encoding.TextUnmarshaler, v cty.Value, words []string) error {
	text, err := textOf(v)
	if err != nil {
		return err
	}
	if to.UnmarshalText([]byte(text)) != nil {
		return fmt.Errorf("want %s, not %q.%s", quoted(words), text, didYouMean(text, words))
	}
	return nil
}

func textOf(v cty.Value) (string, error) {
	v, err := convert.Convert(v, cty.String)
	if err != nil {
		return "", errors.New("want a text in quotes")
	}
	return v.AsString(), nil
}

func whole(v cty.Value) (int, error) {
	v, err := convert.Convert(v, cty.Number)
	if err != nil {
		return 0, errors.New("want a whole number")
	}
	n, accuracy := v.AsBigFloat().Int64()
	if accuracy != big.Exact {
		return 0, errors.New("want a whole number")
	}
	return int(n), nil
}

// parseLength reads a length of time.
func parseLength(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("%q is not a length of time: want a number with its unit (ms, s, m or h), such as \"30s\" or \"1h30m\"", s)
	}
	return d, nil
}

// inFolder makes p absolute; an empty one stays.
func inFolder(p, folder string) (string, error) {
	if p == "" {
		return "", nil
	}
	if !filepath.IsAbs(p) {
		p = filepath.Join(folder, p)
	}
	return filepath.Abs(p)
}

// hasNull reports whether one of the elements of v is null.
func hasNull(v cty.Value) bool {
	for it := v.ElementIterator(); it.Next(); {
		if _, e := it.Element(); e.IsNull() {
			return true
		}
	}
	return false
}

// cause returns what the operating system said, without the path: the
// diagnostic names it.
func cause(err error) error {
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		return path.Err
	}
	return err
}
