package hcl

import (
	"bytes"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/json"

	"github.com/modgate/modgate/core/config"
)

// parsed is what is in a source: a body, which after errors has only what they
// do not touch, or is nil; and what is wrong with it.
type parsed struct {
	body   hcl.Body
	found  hcl.Diagnostics
	secret []hcl.Range // where secrets may be among what is wrong
}

// parse parses one source.
func parse(s source) parsed { return parseAll([]source{s})[0] }

// parseAll parses the sources, on all processors.
func parseAll(sources []source) []parsed {
	var pieces []piece
	ends := make([]int, len(sources)) // of the source's in pieces
	for i, s := range sources {
		if s.isJSON() {
			pieces = append(pieces, piece{source: s, start: hcl.InitialPos})
		} else {
			pieces = append(pieces, s.pieces(leastPiece)...)
		}
		ends[i] = len(pieces)
	}
	read := make([]parsed, len(pieces))
	inParallel(len(pieces), func(i int) { read[i] = pieces[i].parse() })
	all := make([]parsed, len(sources))
	begin := 0
	for i, end := range ends {
		all[i] = sources[i].join(read[begin:end])
		begin = end
	}
	return all
}

// inParallel does n things on all processors.
func inParallel(n int, do func(i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	wg.Wait()
}

// isJSON reports whether s is in the JSON syntax; its name says so.
func (s source) isJSON() bool { return strings.HasSuffix(s.name, ".json") }

// join returns what s has in it, of what its pieces have.
func (s source) join(pieces []parsed) parsed {
	p := s.whole(pieces)
	if p.found.HasErrors() {
		p = s.intact(p)
	}
	return p
}

// whole puts the pieces of s together. If something is wrong with one, or two
// of them may be wrong together, s is parsed anew.
func (s source) whole(pieces []parsed) parsed {
	if len(pieces) == 1 {
		return pieces[0]
	}
	all := hclsyntax.Body{Attributes: hclsyntax.Attributes{}}
	for i, p := range pieces {
		body, ok := p.body.(*hclsyntax.Body)
		if !ok || len(p.found) > 0 || len(body.Attributes) > 0 {
			return piece{source: s, start: hcl.InitialPos, sure: true}.parse()
		}
		if i == 0 {
			all.SrcRange = body.SrcRange
		}
		all.Blocks = append(all.Blocks, body.Blocks...)
		all.SrcRange.End, all.EndRange = body.SrcRange.End, body.EndRange
	}
	return parsed{body: &all}
}

// parse parses p by itself.
func (p piece) parse() parsed {
	deep := tooDeep
	if p.isJSON() {
		deep = tooDeepJSON
	}
	if !p.sure {
		if at, ok := deep(p.source); ok {
			return parsed{found: placed(at, "Nested too deep", "Here are more than %d brackets in each other, or a text that is too long; name parts of it in locals.", maxDepth)}
		}
	}
	var f *hcl.File
	var found hcl.Diagnostics
	if p.isJSON() {
		f, found = json.Parse(p.text, p.name)
		if len(found) > 1 { // what was not understood is no object
			found = slices.DeleteFunc(found, func(d *hcl.Diagnostic) bool { return d.Summary == "Root value must be object" })
		}
	} else {
		f, found = hclsyntax.ParseConfig(p.text, p.name, p.start)
	}
	is := parsed{found: slices.CompactFunc(found, sameAdvice)}
	if f != nil {
		is.body = f.Body
	}
	if found.HasErrors() {
		is.secret = p.secrets()
	}
	return is
}

// secrets returns where secrets may be in p, which has errors, so that only its
// words are known: lines that set one, or all that may be of a sensitive
// variable.
func (p piece) secrets() (at []hcl.Range) {
	var names []string
	for _, t := range tables() {
		for _, s := range t.settings {
			if _, secret := s.Value.(*config.Secret); secret {
				names = append(names, s.Name[strings.LastIndexByte(s.Name, '.')+1:])
			}
		}
	}
	sets := regexp.MustCompile(`\b(` + strings.Join(names, "|") + `)"?[ \t]*[=:]`)
	line := p.start
	if bytes.Contains(p.text, []byte("sensitive")) {
		line.Line += bytes.Count(p.text, []byte("\n"))
		return []hcl.Range{{Filename: p.name, Start: p.start, End: line}}
	}
	for text := range bytes.Lines(p.text) {
		if sets.Match(text) {
			at = append(at, hcl.Range{Filename: p.name, Start: line, End: line})
		}
		line.Line++
	}
	return at
}

// sameAdvice reports whether b says what a says: after a quote that is not
// closed the parser repeats itself on every line.
func sameAdvice(a, b *hcl.Diagnostic) bool {
	return a.Summary == b.Summary && a.Detail == b.Detail
}
