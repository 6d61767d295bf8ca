package guide_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/modgate/modgate/hcl/examples/guide"
)

func modules(t *testing.T) []guide.Example {
	t.Helper()
	text, err := os.ReadFile("../MODULES.md")
	if err != nil {
		t.Fatal(err)
	}
	return guide.Examples(string(text))
}

func TestModulesGuideIsShell(t *testing.T) {
	examples := modules(t)
	if len(examples) < 10 {
		t.Fatalf("%d examples, want all of the protocol", len(examples))
	}
	for _, e := range examples {
		cmd := exec.Command("bash", "-n")
		cmd.Stdin = strings.NewReader(e.Script)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("MODULES.md:%d: %v: %s", e.Line, err, out)
		}
	}
}

// The guide runs against a gateway that has never heard of a greeter.
func TestModulesGuideRuns(t *testing.T) {
	if os.Getenv("MODGATE_CONTROL") == "" {
		t.Skip("MODGATE_CONTROL, MODGATE_DATA, MODGATE_JOIN_SECRET and UPSTREAM name no gateway")
	}
	if err := guide.Run(t.Context(), t.TempDir(), nil, modules(t)); err != nil {
		t.Error(err)
	}
}

const small = "Text\n```sh run\nX=$GIVEN\necho one $X three\n```\n```text want\none ... three\n```\n" +
	"```json\n{}\n```\n```sh run\necho $X\n```\n```text want\nfour\n```\n```sh run\nfalse\n```\n```sh run\necho never\n```\n"

func TestExamplesShareOneShell(t *testing.T) {
	all := guide.Examples(small)
	if len(all) != 4 || all[0].Line != 2 || all[0].Want != "one ... three" {
		t.Fatalf("got %+v", all)
	}
	if err := guide.Run(t.Context(), t.TempDir(), []string{"GIVEN=two"}, all[:1]); err != nil {
		t.Error(err)
	}
	err := guide.Run(t.Context(), t.TempDir(), []string{"GIVEN=two"}, all)
	if err == nil || !strings.Contains(err.Error(), "line 12: printed\ntwo") || !strings.Contains(err.Error(), "did not run") {
		t.Errorf("got %v, want the wrong answer and the end of the run", err)
	}
}

func TestWantedPartsComeInTheirOrder(t *testing.T) {
	for _, tc := range []struct {
		text, want string
		ok         bool
	}{
		{`{"a": 1, "b": 2}`, `{"a":1,...}`, true},
		{"a b c", "a...c", true},
		{"c b a", "a...c", false},
		{"anything", "", true},
		{"a", "a a", false},
	} {
		if got := guide.Matches(tc.text, tc.want); got != tc.ok {
			t.Errorf("%q against %q: %v", tc.text, tc.want, got)
		}
	}
}
