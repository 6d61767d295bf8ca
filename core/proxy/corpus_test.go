package proxy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// attack is a case of the corpus: bytes that go down one connection.
type attack struct {
	ID, Expect, Group string
	Text              string `json:"expect_text"`
	Steps             []struct {
		Bytes []byte `json:"b64"`
	}
}

// corpus returns the cases of a file, which is kept beside the checkout, not
// in it.
func corpus(t testing.TB, file string) []attack {
	t.Helper()
	path := filepath.Join(shared(t), "data", "http", file)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var cases []attack
	for line := range bytes.Lines(b) {
		var a attack
		if err := json.Unmarshal(line, &a); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if a.Text == "not 414" {
			a.Expect = "accept" // the text says so, whatever was made of it
		}
		cases = append(cases, a)
	}
	return cases
}

// shared returns the folder of that name in one above this.
func shared(t testing.TB) string {
	t.Helper()
	dir := sharedAbove()
	switch {
	case dir != "":
	case os.Getenv("MODGATE_SHARED") == "required":
		t.Fatal("MODGATE_SHARED=required, and there is no shared/data/http in any folder above")
	default:
		t.Skip("there is no shared/data/http in any folder above")
	}
	return dir
}

// sharedAbove returns it, or "" if there is none.
func sharedAbove() string {
	dir, err := os.Getwd()
	for err == nil {
		found := filepath.Join(dir, "shared")
		if _, err := os.Stat(filepath.Join(found, "data", "http")); err == nil {
			return found
		}
		above := filepath.Dir(dir)
		if above == dir {
			break
		}
		dir = above
	}
	return ""
}

// decision is a line of testdata/verdicts.txt: what becomes of a case whose
// expectation leaves it open, or is not ours, and why.
type decision struct {
	forward bool
	why     string
}

func verdicts(t *testing.T) map[string]decision {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "verdicts.txt"))
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]decision)
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		f := strings.Fields(line)
		if len(f) < 3 || f[1] != "reject" && f[1] != "forward" || all[f[0]] != (decision{}) {
			t.Fatalf("verdicts.txt: %q: want a case, reject or forward, and why, once each", line)
		}
		all[f[0]] = decision{f[1] == "forward", strings.Join(f[2:], " ")}
	}
	return all
}

// TestCorpus holds the gateway to what is expected of a proxy: a verdict for
// every case, and in none a dirty head or an extra request before an upstream.
func TestCorpus(t *testing.T) {
	table := verdicts(t)
	used := make(map[string]bool)
	marks := make(map[string]int)
	for _, file := range []string{"http11probe.jsonl", "aws-desync-guardian.jsonl"} {
		t.Run(file, func(t *testing.T) {
			counts := make(map[string]int)
			g, r := theatre(t)
			for _, a := range corpus(t, file) {
				v, open := table[a.ID]
				used[a.ID] = true
				if a.Expect == "accept" && !open {
					a.complete()
				}
				p := perform(t, g, r, a)
				if a.Expect == "reject_or_isolate" && !p.rejected() {
					eventually(t, "the upstream's connection ends with the answer", func() bool { return r.open.Load() == 0 })
				}
				g.hangUp()
				counts[a.judge(t, p, v, open)]++
				if m := a.mark(p); m != "" && file == "http11probe.jsonl" {
					marks[m]++
				}
				if len(p.sent) > a.requests() {
					t.Errorf("%s: %d requests reached the upstream; %s", a.ID, len(p.sent), p)
				}
			}
			for _, k := range slices.Sorted(maps.Keys(counts)) {
				t.Logf("%4d %s", counts[k], k)
			}
		})
	}
	if len(used) > 0 {
		t.Logf("of %d cases of Http11Probe for proxies (pass/warn/fail):\n%s", marks["pass"]+marks["warn"]+marks["fail"],
			beside("modgate", fmt.Sprintf("%d/%d/%d", marks["pass"], marks["warn"], marks["fail"]), probed))
	}
	if marks["fail"] > 0 {
		t.Errorf("%d cases fail", marks["fail"])
	}
	for id := range table {
		if len(used) > 0 && !used[id] {
			t.Errorf("verdicts.txt: no case %s", id)
		}
	}
}

// judge compares what became of a with what is expected, and names the case
// for the summary.
func (a attack) judge(t *testing.T, p performance, v decision, open bool) string {
	t.Helper()
	want := "rejected"
	switch {
	case open && v.forward:
		want = "forwarded"
	case open:
	case a.Expect == "accept", a.Expect == "accept_then_close":
		want = "forwarded"
	case a.Expect != "reject":
		t.Errorf("%s (%s: %s): no verdict in testdata/verdicts.txt; it is %s", a.ID, a.Expect, a.Text, p)
	}
	got := "rejected"
	switch {
	case p.rejected():
	case a.mayClose() && p.closed && len(p.sent) == 1 && !open:
		got, want = "isolated", "isolated"
	default:
		got = "forwarded"
	}
	if got != want {
		t.Errorf("%s (%s: %s): %s, want %s; %s", a.ID, a.Expect, a.Text, got, want, p)
	}
	if (a.Expect == "accept_then_close" || a.Expect == "reject_or_isolate") && !p.closed {
		t.Errorf("%s: the connection was kept", a.ID)
	}
	if a.Expect == "not_101" && slices.Contains(p.statuses, 101) {
		t.Errorf("%s: switched protocols", a.ID)
	}
	how := "as expected"
	if open {
		how = "by verdict"
	}
	return a.Expect + ": " + got + ", " + how
}

// mayClose reports whether the corpus lets a case be served that it wants
// refused, if nothing else is served on its connection.
func (a attack) mayClose() bool {
	return a.Expect == "reject" && len(a.Steps) > 1 && strings.Contains(a.Text, "close")
}

// complete adds what the corpus leaves out of a body of known length.
func (a *attack) complete() {
	head, body, _ := bytes.Cut(a.Steps[0].Bytes, headEnd)
	if m := regexp.MustCompile(`\r\nContent-Length: (\d+)`).FindSubmatch(head); m != nil {
		size, _ := strconv.Atoi(string(m[1]))
		a.Steps[0].Bytes = append(a.Steps[0].Bytes, make([]byte, size-len(body))...)
	}
}

// requests returns how many requests there are in a at most.
func (a attack) requests() int {
	if len(a.Steps) == 1 && !strings.Contains(a.ID, "PIPELINE") {
		return 1
	}
	return 2
}

// TestTransferEncodingMutations: no spelling of the field smuggles a request,
// and none is forwarded beside a Content-Length.
func TestTransferEncodingMutations(t *testing.T) {
	g, r := theatre(t)
	counts := make(map[string]int)
	var doubtful, smuggled int
	for _, a := range corpus(t, "te-mutations.jsonl") {
		p := perform(t, g, r, a)
		got := "rejected"
		for _, m := range p.sent {
			if m.doubtful() {
				doubtful++
				t.Errorf("%s: forwarded with a length, and a field like Transfer-Encoding: %q", a.ID, m.head)
			}
		}
		switch {
		case len(p.sent) > 1, len(p.sent) == 1 && strings.Contains(p.sent[0].line, "smuggled"):
			smuggled++
			t.Errorf("%s: a second request reached the upstream; %s", a.ID, p)
		case len(p.sent) == 1 && p.sent[0].chunked:
			got = "forwarded, chunked"
		case len(p.sent) == 1:
			got = "forwarded, with a length"
		case !p.rejected():
			t.Errorf("%s: answered %v without the upstream", a.ID, p.statuses)
		}
		counts[got]++
	}
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("%4d %s", counts[k], k)
	}
	t.Logf("of these, forwarded with a length beside a field like Transfer-Encoding, and smuggled:\n%s", beside("modgate", fmt.Sprintf("%d, %d", doubtful, smuggled), mutated))
}
