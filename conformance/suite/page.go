package suite

import (
	"html/template"
	"io"
)

// WritePage writes the report as a page of HTML that needs nothing else.
func (r *Report) WritePage(w io.Writer) error {
	return page.Execute(w, struct {
		*Report
		Results []Result
	}{r, r.results})
}

var page = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Conformance of {{.Implementation.Project}} {{.Implementation.Version}}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72em; margin: 2em auto; padding: 0 1em }
table { border-collapse: collapse; width: 100% }
td, th { text-align: left; vertical-align: top; padding: .25em .75em .25em 0; border-bottom: 1px solid #ddd }
pre { white-space: pre-wrap; margin: .25em 0; font-size: 13px }
.passed { color: #060 } .failed { color: #a00 } .skipped { color: #777 }
</style>
<h1>Conformance of {{.Implementation.Project}} {{.Implementation.Version}}</h1>
<p>{{.Implementation.Organization}} {{.Implementation.URL}} {{range .Implementation.Contact}}{{.}} {{end}}</p>
<p>{{.Date.Format "2006-01-02 15:04"}} UTC, {{.Seconds}} s. To reproduce: <code>{{.Reproduce}}</code></p>
<table>
<tr><th>profile<th>result<th>passed<th>failed<th>skipped
{{range .Profiles}}<tr><td>{{.Name}}<td>{{.Result}}<td>{{.Statistics.Passed}}<td>{{.Statistics.Failed}}<td>{{.Statistics.Skipped}}
{{end}}</table>
<h2>Cases</h2>
<table>
<tr><th>case<th>rules<th>outcome<th>seconds
{{range .Results}}<tr><td><b>{{.Case.Name}}</b><br>{{.Case.Title}}{{if .Reason}}<pre>{{.Reason}}</pre>{{end}}<td>{{range .Case.Rules}}{{.}} {{end}}<td class="{{.Outcome}}">{{.Outcome}}<td>{{printf "%.2f" .Took.Seconds}}
{{end}}</table>
</html>
`))
