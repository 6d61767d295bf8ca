package adaptertest

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/modgate/modgate/plugins/wat"
)

var rewrite = flag.Bool("rewrite", false, "write what comes out into testdata/cases")

// build assembles a guest and returns its file.
func build(t *testing.T, text string) string {
	t.Helper()
	code, err := wat.Assemble(text)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "billing.wasm")
	if err := os.WriteFile(file, code, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func dialect(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("testdata/dialect.wat")
	if err != nil {
		t.Fatal(err)
	}
	return build(t, string(text))
}

func open(t *testing.T, file string) *Adapter {
	t.Helper()
	a, err := Open(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a
}

// cases writes the texts into files and reads them.
func cases(t *testing.T, texts ...string) []*Case {
	t.Helper()
	dir := t.TempDir()
	for i, text := range texts {
		if err := os.WriteFile(filepath.Join(dir, string(rune('a'+i))+".json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	all, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestDialectIsTestedAsItsAuthorWould(t *testing.T) {
	Test(t, Options{File: dialect(t), Cases: "testdata/cases", Update: *rewrite, NoBreak: true})
}

func TestBreakReachesEveryHookInEveryWay(t *testing.T) {
	all, err := Read("testdata/cases")
	if err != nil {
		t.Fatal(err)
	}
	table, findings, err := open(t, dialect(t)).Break(t.Context(), all)
	if err != nil || findings != nil || len(table) != 7*4*3 {
		t.Errorf("%d rows, %v, %v", len(table), findings, err)
	}
}

func TestWhatACaseDoesNotKnowIsRefusedWithItsLine(t *testing.T) {
	for text, want := range map[string]string{
		"{\n \"steps\": [\n  {\"request\": {\"methd\": \"GET\"}}]}":                               `case.json:3: there is no "methd" here: want method, target, status,`,
		"{\"steps\": [{\"request\": {}, \"request\": {}}]}":                                       `case.json:1: "request" stands here twice`,
		"{\"steps\": [{\"event\": {\"type\": \"update\"}}]}":                                      `case.json:1: `,
		"{\"steps\": [\n{\"event\": {}}]}":                                                        `case.json:2: event.type is missing`,
		"{\"steps\": [\n\n{\"request\": {}, \"probe\": {}}]}":                                     `case.json:3: a step has one of request, event, message and probe`,
		"{\"steps\": [{\"request\": {}, \"answer\": {}, \"failed\": true}]}":                      `case.json:1: it has an answer, or it failed`,
		"{\"steps\": [{\"message\": {}, \"answer\": {}}]}":                                        `is answered by the gateway`,
		"{\"steps\": [{\"event\": {\"type\": \"delay\", \"poll\": true}}]}":                       `a poll follows the event`,
		"{\"steps\": [{\"request\": {\"headers\": [\"x\"]}}]}":                                    `header "x": want "name: value"`,
		"{\"steps\": [{\"request\": {\"body\": \"a\", \"json\": 1}}]}":                            `want one of body, json and base64`,
		"{\"steps\": [{\"request\": {\"target\": \"x\"}}]}":                                       `target "x": want a path`,
		"{\"steps\": [{\"request\": {\"source\": \"x\"}}]}":                                       `source: `,
		"{\"steps\": [{\"request\": {}, \"answer\": {\"status\": \"x\"}}]}":                       `case.json:1: want a whole number`,
		"{\"steps\": [{\"request\": {}, \"answer\": {\"status\": 99}}]}":                          `status 99 is none of an answer`,
		"{\"plugin\": {\"memory\": \"lots\", \"on_error\": \"x\"}, \"steps\": [{\"probe\": {}}]}": `case.json: plugin: on_error`,
		"{}":           `it has no steps`,
		"{\n\"steps\"": `case.json:2: it is no JSON: it ends too early`,
		"{} {}":        `something follows the case`,
	} {
		file := filepath.Join(t.TempDir(), "case.json")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
	if _, err := Read(t.TempDir()); err == nil || !strings.Contains(err.Error(), "holds no cases") {
		t.Errorf("an empty folder: %v", err)
	}
	if _, err := Read("no-such-folder"); err == nil || !strings.Contains(err.Error(), "there are no cases: no-such-folder does not exist") {
		t.Errorf("no folder: %v", err)
	}
}

func TestWhatComesOutDifferentlyIsShown(t *testing.T) {
	all := cases(t, `{"start": {"log": ["info: configured"]}, "steps": [
		{"request": {"target": "/a"}, "want": {"request": {"method": "GET", "target": "/b", "headers": ["X-PATH: /a"]}, "response": {"status": 200, "headers": ["x-seen: yes!"]}}},
		{"request": {}}]}`)
	findings, err := open(t, dialect(t)).Play(t.Context(), all[0], false)
	if err != nil || len(findings) != 2 || !strings.Contains(findings[0].What, "-     \"target\": \"/b\",\n+     \"target\": \"/a\",\n") ||
		!strings.HasSuffix(findings[0].Where, "a.json:2") || !strings.Contains(findings[1].What, "-update") {
		t.Errorf("%v, %v", findings, err)
	}
}

// remembers keeps the path of a request in a variable until its answer.
const remembers = `(module
	(import "http_handler" "get_uri" (func $get_uri (param i32 i32) (result i32)))
	(import "http_handler" "set_header_value" (func $set (param i32 i32 i32 i32 i32)))
	(memory (export "memory") 1)
	(global $n (mut i32) (i32.const 0))
	(data (i32.const 0) "x-path")
	(func (export "modgate_capabilities") (result i32) (i32.const CAPABILITIES))
	(func (export "handle_request") (result i64) (global.set $n (call $get_uri (i32.const 100) (i32.const 1000))) (i64.const 1))
	(func (export "handle_response") (param i32 i32) (call $set (i32.const 1) (i32.const 0) (i32.const 6) (i32.const 100) (global.get $n))))`

// A case holds the gateway to the kind of a fault; its words are for who reads
// the finding, which is the only one.
func TestFaultIsExplainedOnce(t *testing.T) {
	file := build(t, `(module
		(import "http_handler" "get_uri" (func $get_uri (param i32 i32) (result i32)))
		(import "http_handler" "remove_header" (func $remove (param i32 i32 i32)))
		(memory (export "memory") 1)
		(func (export "modgate_capabilities") (result i32) (i32.const 1))
		(func (export "handle_request") (result i64)
			(if (i32.gt_u (call $get_uri (i32.const 0) (i32.const 0)) (i32.const 1)) (then (call $remove (i32.const 9) (i32.const 0) (i32.const 1))))
			(i64.const 1)))`)
	all := cases(t, `{"steps": [{"request": {"target": "/x"}, "want": {"refused": "failed"}}]}`)
	findings, err := open(t, file).Play(t.Context(), all[0], false)
	if err != nil || len(findings) != 1 || !strings.Contains(findings[0].What, "+     \"handle_request: misuse\"") ||
		!strings.Contains(findings[0].What, "handle_request: there is no kind of header 9") {
		t.Errorf("%v, %v", findings, err)
	}
	all = cases(t, `{"steps": [{"request": {"target": "/x"}, "want": {"request": {"method": "GET", "target": "/x"}}}]}`)
	if table, findings, err := open(t, file).Break(t.Context(), all); table != nil || findings != nil || err != nil {
		t.Errorf("a step that fails by itself is broken: %v, %v, %v", table, findings, err)
	}
}

// now and then is a guest that loops at each thousandth request.
const nowAndThen = `(module
	(memory (export "memory") 1)
	(global $n (mut i32) (i32.const 0))
	(func (export "modgate_capabilities") (result i32) (i32.const 1))
	(func (export "handle_request") (result i64)
		(global.set $n (i32.add (global.get $n) (i32.const 1)))
		(if (i32.eqz (i32.rem_u (global.get $n) (i32.const 1000))) (then
			(global.set $n (i32.const 1000000)) (loop $l (global.set $n (i32.sub (global.get $n) (i32.const 1))) (br_if $l (global.get $n)))))
		(i64.const 1)))`

func TestRequestThatFailsNowAndThenIsFound(t *testing.T) {
	a := open(t, build(t, nowAndThen))
	const want = `"want": {"request": {"method": "GET", "target": "/"}, "response": {"status": 200}}`
	repeat := func(text string) string {
		t.Helper()
		findings, err := a.Repeat(t.Context(), cases(t, text))
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(findings)
	}
	all := `{"plugin": {"request_budget": "1ms"}, "steps": [{"request": {}, ` + want + `}]}`
	if got := repeat(all); !strings.Contains(got, "a.json:1: the request passes, and fails as the 9") || !strings.Contains(got, "handle_request: it took more work than its budget") {
		t.Errorf("found %s", got)
	}
	if got := repeat(`{"plugin": {"request_budget": "10ms"}, "steps": [{"request": {}, ` + want + `}]}`); got != "[]" {
		t.Errorf("within its budget: %s", got)
	}
	if got := repeat(`{"steps": [{"request": {}, "want": {"refused": "failed"}}, {"probe": {}}]}`); got != "[]" {
		t.Errorf("no request that passes: %s", got)
	}
	if _, err := a.Bench(t.Context(), cases(t, all), 10*time.Millisecond); err == nil || !strings.Contains(err.Error(), "it fails now and then: handle_request") {
		t.Errorf("it is measured all the same: %v", err)
	}
}

func TestRequestKeptInAVariableIsFound(t *testing.T) {
	one := `{"steps": [{"request": {"target": "/one"}}]}`
	interleave := func(capabilities string, texts ...string) []Finding {
		t.Helper()
		a := open(t, build(t, strings.Replace(remembers, "CAPABILITIES", capabilities, 1)))
		findings, err := a.Interleave(t.Context(), cases(t, texts...))
		if err != nil {
			t.Fatal(err)
		}
		return findings
	}
	if f := interleave("3", one); len(f) == 0 || !strings.Contains(f[0].What, "capability exclusive") || !strings.Contains(f[0].What, "x-path: /stranger") {
		t.Errorf("found %v", f)
	}
	if f := interleave("67", one); f != nil {
		t.Errorf("an instance for each request: %v", f)
	}
	if f := interleave("3", `{"plugin": {"exclusive": true}, "steps": [{"request": {"target": "/one"}}]}`); f != nil {
		t.Errorf("exclusive by its settings: %v", f)
	}
	if f := interleave("3", `{"shares": true, "steps": [{"request": {"target": "/one"}}]}`); f != nil {
		t.Errorf("a case that shares: %v", f)
	}
}

func TestAnswerIsSeenAsTheGatewayHasIt(t *testing.T) {
	file := build(t, `(module
		(import "http_handler" "enable_features" (func $features (param i32) (result i32)))
		(import "http_handler" "read_body" (func $read (param i32 i32 i32) (result i64)))
		(import "http_handler" "write_body" (func $write (param i32 i32 i32)))
		(import "http_handler" "set_header_value" (func $set (param i32 i32 i32 i32 i32)))
		(import "http_handler" "set_status_code" (func $status (param i32)))
		(memory (export "memory") 1)
		(data (i32.const 0) "early: Content-Length")
		(func (export "handle_request") (result i64)
			(drop (call $features (i32.const 3)))
			(call $set (i32.const 1) (i32.const 0) (i32.const 5) (i32.const 0) (i32.const 5)) ;; before there is an answer
			(call $set (i32.const 1) (i32.const 7) (i32.const 14) (i32.const 0) (i32.const 5)) ;; the gateway's own
			(drop (call $read (i32.const 0) (i32.const 100) (i32.const 2000)))
			(call $write (i32.const 1) (i32.const 0) (i32.const 5)) ;; in front of the answer's
			(i64.const 1))
		(func (export "handle_response") (param i32 i32)
			(call $status (i32.const 202))
			(call $write (i32.const 1) (i32.const 100) (i32.wrap_i64 (call $read (i32.const 1) (i32.const 100) (i32.const 100))))))`)
	all := cases(t,
		`{"steps": [{"request": {}, "answer": {"status": 404, "headers": ["Early: 0"], "body": "+body"},
			"want": {"request": {"method": "GET", "target": "/"}, "response": {"status": 202, "headers": ["early: 0", "early: early"], "body": "early+body"}}}]}`,
		`{"plugin": {"body": "1KiB"}, "steps": [{"request": {"body": "`+strings.Repeat("x", 1025)+`"}, "want": {"refused": "too-large"}}]}`,
		`{"plugin": {"on_error": "skip"}, "steps": [{"request": {}, "failed": true,
			"want": {"request": {"method": "GET", "target": "/"}}}]}`)
	for _, c := range all {
		findings, err := open(t, file).Play(t.Context(), c, false)
		if err != nil || findings != nil {
			t.Errorf("%s: %v, %v", c.file, findings, err)
		}
	}
}

func TestTrailersOfAnAnswerThatStreamsAreReplacedByName(t *testing.T) {
	file := build(t, `(module
		(import "http_handler" "enable_features" (func $features (param i32) (result i32)))
		(import "http_handler" "get_header_names" (func $names (param i32 i32 i32) (result i64)))
		(import "http_handler" "set_header_value" (func $set (param i32 i32 i32 i32 i32)))
		(memory (export "memory") 1)
		(data (i32.const 0) "x-end")
		(func (export "handle_request") (result i64) (drop (call $features (i32.const 4))) (i64.const 1))
		(func (export "handle_response") (param i32 i32)
			(if (i64.ne (call $names (i32.const 3) (i32.const 100) (i32.const 100)) (i64.const 0)) (then (unreachable))) ;; they are still to come
			(call $set (i32.const 3) (i32.const 0) (i32.const 5) (i32.const 0) (i32.const 5))))`)
	all := cases(t, `{"steps": [{"request": {}, "answer": {"body": "b", "trailers": ["X-End: 1", "X-Own: 2"]},
		"want": {"request": {"method": "GET", "target": "/"}, "response": {"status": 200, "body": "b", "trailers": ["x-own: 2", "x-end: x-end"]}}}]}`)
	if f, err := open(t, file).Play(t.Context(), all[0], false); err != nil || f != nil {
		t.Error(f, err)
	}
}

func TestUpdateWritesWhatComesOut(t *testing.T) {
	all := cases(t, `{"about": "kept", "steps": [{"request": {"target": "/a"}}]}`)
	a := open(t, dialect(t))
	if f, err := a.Play(t.Context(), all[0], true); err != nil || f != nil {
		t.Fatal(f, err)
	}
	again, err := Read(all[0].file)
	if err != nil || again[0].About != "kept" {
		t.Fatal(err)
	}
	if f, err := a.Play(t.Context(), again[0], false); err != nil || f != nil {
		t.Error(f, err)
	}
}

func TestBenchComparesWithTheSameEdit(t *testing.T) {
	a := open(t, dialect(t))
	figures, err := a.Bench(t.Context(), cases(t, `{"steps": [{"request": {"target": "/a"}}, {"probe": {}}]}`), time.Millisecond)
	if err != nil || len(figures) != 1 || figures[0].Allocations != 0 || figures[0].Nanoseconds <= 0 || figures[0].Native <= 0 || figures[0].Ratio <= 0 {
		t.Errorf("%v, %v", figures, err)
	}
}

func TestCasesAreDocumented(t *testing.T) {
	text, err := os.ReadFile("CASES.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, of := range []reflect.Type{
		reflect.TypeFor[Case](), reflect.TypeFor[Plugin](), reflect.TypeFor[Start](), reflect.TypeFor[Step](), reflect.TypeFor[Message](),
		reflect.TypeFor[Event](), reflect.TypeFor[Probe](), reflect.TypeFor[Outcome](), reflect.TypeFor[Announcement](),
	} {
		for _, name := range names(of) {
			if name != "" && !strings.Contains(string(text), "`"+name+"`") {
				t.Errorf("CASES.md does not say what %s of a %s is", name, of.Name())
			}
		}
	}
	_, example, _ := strings.Cut(string(text), "```json\n")
	example, _, _ = strings.Cut(example, "```")
	cases(t, example)
}
