package hcl

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// intact returns what of s, which has errors of syntax, is not touched by them,
// and all that are wrong: where lines begin an outermost block, each is parsed
// by itself, since the parser is lost after its first error. What the whole has
// it is given.
func (s source) intact(whole parsed) parsed {
	if s.isJSON() {
		whole.body = nil
		return whole
	}
	heads := s.heads()
	if s.manyLined() {
		whole.body = s.before(whole.found, heads) // in a heredoc or comment such a line begins nothing
		return whole
	}
	all := hclsyntax.Body{Attributes: hclsyntax.Attributes{}}
	is := parsed{body: &all}
	begin := hcl.InitialPos
	for _, end := range append(heads, len(s.text)) {
		p := s.part(begin, end).parse()
		begin.Line += bytes.Count(s.text[begin.Byte:end], []byte("\n"))
		if begin.Byte = end; p.found.HasErrors() {
			is.found, is.secret = append(is.found, p.found...), append(is.secret, p.secret...)
			if end < len(s.text) {
				nameEnd(p.found)
			}
			continue
		}
		body := p.body.(*hclsyntax.Body)
		all.Blocks = append(all.Blocks, body.Blocks...)
		for name, a := range body.Attributes {
			all.Attributes[name] = a // which no file may have
		}
	}
	if !is.found.HasErrors() {
		return whole // they are wrong together
	}
	return is
}

// nameEnd says of what the parser took for a file what it is.
func nameEnd(found hcl.Diagnostics) {
	for _, d := range found {
		d.Detail = strings.ReplaceAll(d.Detail, "the end of the file", "the next block")
	}
}

// heads returns where the lines begin that begin an outermost block.
func (s source) heads() (at []int) {
	var words []string
	for _, b := range topLevel().Blocks {
		words = append(words, b.Type)
	}
	head := regexp.MustCompile(`(?m)^(` + strings.Join(words, "|") + `)([ \t]+("[^"\n]*"|[\w-]+))*[ \t]*\{`)
	for _, match := range head.FindAllIndex(s.text, -1) {
		at = append(at, match[0])
	}
	return at
}

// manyLined reports whether s seems to have a heredoc or a comment of many
// lines. A text that is not closed ends with its line here.
func (s source) manyLined() bool {
	for line := range bytes.Lines(s.text) {
		inText := false
		for i := 0; i < len(line); i++ {
			switch rest := line[i:]; {
			case inText && line[i] == '\\':
				i++
			case line[i] == '"':
				inText = !inText
			case inText:
			case bytes.HasPrefix(rest, []byte("<<")), bytes.HasPrefix(rest, []byte("/*")):
				return true
			case line[i] == '#', bytes.HasPrefix(rest, []byte("//")):
				i = len(line)
			}
		}
	}
	return false
}

// part returns the text from the beginning of a line to end.
func (s source) part(begin hcl.Pos, end int) piece {
	text := s.text[begin.Byte:end]
	if end < len(s.text) {
		text = bytes.TrimRight(text, " \t\r\n") // so that it ends at a place in it
	}
	return piece{source: source{s.name, text}, start: begin}
}

// before returns the blocks that end before the first of the errors.
func (s source) before(found hcl.Diagnostics, heads []int) hcl.Body {
	for _, begin := range slices.Backward(heads) {
		if slices.ContainsFunc(found, func(d *hcl.Diagnostic) bool { return d.Subject == nil || d.Subject.Start.Byte < begin }) {
			continue
		}
		if p := s.part(hcl.InitialPos, begin).parse(); !p.found.HasErrors() {
			return p.body
		}
		return nil
	}
	return nil
}
