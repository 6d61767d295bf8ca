package proxy

import (
	"encoding/json"
	"html/template"
)

// body writes the problem as a page for browsers, as a status for gRPC, else
// as JSON (RFC 9457).
func (x *exchange) body(a answer) {
	a.RequestID = string(x.id)
	r := &x.ctx.Response
	if x.wantsGRPC() {
		x.grpcBody(a)
		return
	}
	if wantsPage(x.head.accept) {
		r.Header.SetContentType("text/html; charset=utf-8")
		_ = page.Execute(r.BodyWriter(), a.Problem) // a response's body takes everything
		return
	}
	r.Header.SetContentType("application/problem+json")
	b, _ := json.Marshal(a.Problem) // of strings, numbers and times
	r.SetBodyRaw(b)
}

// wantsPage reports whether a browser asks: it names HTML, and no JSON.
func wantsPage(accept []byte) bool {
	page := false
	for m := range list(accept) {
		switch {
		case hasType(m, "text/html"):
			page = true
		case hasType(m, "application/json"), hasType(m, "application/problem+json"):
			return false
		}
	}
	return page
}

func hasType(member []byte, lowerCase string) bool {
	rest, ok := cutPrefixFold(member, lowerCase)
	return ok && (len(rest) == 0 || rest[0] == ';' || rest[0] == ' ')
}

var page = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{{.Title}}</title>
<style>body{font:1rem/1.5 system-ui,sans-serif;margin:15vh auto;max-width:36rem;padding:0 1rem}small{color:#666}</style>
</head><body><h1>{{.Title}}</h1><p>{{.Detail}}</p>
{{with .Required}}<p>Required: {{.}}</p>{{end}}{{with .Found}}<p>Found: {{.}}</p>{{end}}
<p><small>{{.Status}}{{with .Reason.String}} &middot; {{.}}{{end}} &middot; {{.RequestID}}</small></p></body></html>
`))
