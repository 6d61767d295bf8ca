package script

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

const good = `# a comment
A sentence that
goes on.
rules U2 A1 U2
needs parking
gateway
    settle = "1s"
config
    module "books" {
      ttl = "5s"
    }
policy books.rego
    package books
steps
    # the older one
    a registers books 1.0.0 path="GET /books/{id}" requires="users >= 1"
    a resumes wait=2s -> 200 outcome=resumed epoch:=e
    client sends POST /books/1 body='{"a": "b"}' @X-A="1 2" as r   # in the background
    r waits 200ms
    r gets -> RESUMED from=a
        @Modgate-Status;waited>=100
`

func TestCaseIsReadWhole(t *testing.T) {
	c, wrong := Parse("x/y.case", good)
	if wrong != nil {
		t.Fatal(wrong)
	}
	if c.Name != "x/y" || c.Title != "A sentence that goes on." || strings.Join(c.Rules, " ") != "A1 U2" || !c.Has("parking") {
		t.Errorf("head: %+v", c)
	}
	if c.Gateway != "settle = \"1s\"\n" || c.Config != "module \"books\" {\n  ttl = \"5s\"\n}\n" {
		t.Errorf("gateway %q, config %q", c.Gateway, c.Config)
	}
	if len(c.Policies) != 1 || c.Policies[0] != (File{"books.rego", "package books\n"}) {
		t.Errorf("policies: %q", c.Policies)
	}
	if len(c.Steps) != 5 {
		t.Fatalf("%d steps", len(c.Steps))
	}
	if s := c.Steps[0]; s.Actor != "a" || s.Args[1] != "1.0.0" || s.All("requires")[0] != "users >= 1" || s.Pos() != "x/y.case:16" {
		t.Errorf("registers: %+v at %s", s, s.Pos())
	}
	if s := c.Steps[1]; s.Duration("wait", 0) != 2*time.Second || len(s.Checks) != 3 || s.Checks[2] != (Check{"epoch", Save, "e"}) {
		t.Errorf("resumes: %+v", s)
	}
	if s := c.Steps[2]; s.Label != "r" || s.All("@X-A")[0] != "1 2" || s.All("body")[0] != `{"a": "b"}` {
		t.Errorf("sends: %+v", s)
	}
	if s := c.Steps[4]; s.Macro != "RESUMED" || s.Checks[1] != (Check{"@Modgate-Status;waited", AtLeast, "100"}) {
		t.Errorf("gets: %+v", s)
	}
}

// Each is one line of steps, and what is said about it.
func TestWrongStepsAreToldWithTheirPlace(t *testing.T) {
	for step, want := range map[string]string{
		`a`:                                       "want an actor and what it does",
		`a dances`:                                `a module does not "dances"; it can: registers`,
		`client resumes`:                          `a client does not "resumes"`,
		`a registers books`:                       `"registers" wants the arguments MODULE VERSION`,
		`a resumes colour=red`:                    `"resumes" has no option "colour"`,
		`a resumes wait=soon`:                     "want a length of time",
		`a resumes ->`:                            "nothing stands after the arrow",
		`a resumes -> 99`:                         "99 is no status",
		`a resumes -> outcome`:                    `"outcome" is no check`,
		`a resumes -> 200 PENDING`:                "PENDING stands first",
		`a resumes -> epoch>`:                     "want something to compare with",
		`a resumes -> epoch?1`:                    "nothing stands after ?",
		`a resumes -> a[b=1`:                      "a bracket has no partner",
		`a holds -> 200`:                          `nothing can be expected of "holds"`,
		`a holds as r`:                            `"holds" is always waited for`,
		`a resumes as r`:                          `nobody looks at "r"`,
		`a resumes as client-r`:                   "is no name for a label",
		`a hears rumours`:                         `"rumours" is no notice`,
		`a has many`:                              `"many" is no number`,
		`client sends GET / times=0`:              "want a number from 1 on",
		`client sends GET "/x`:                    `a " has no end`,
		`client sends GET '/x`:                    "a ' has no end",
		`time passes slowly`:                      `"slowly" is no length of time`,
		`7 sends GET /`:                           `"7" is no actor's name`,
		"client sends GET / as r\n    r goes":     `a label does not "goes"`,
		"a resumes as r\n    b resumes as r":      `the label "r" is taken, by line 4`,
		"client sends GET / as r\n    s waits 1s": `a module does not "waits"`,
	} {
		_, wrong := Parse("x.case", "A title.\nrules A1\nsteps\n    "+step+"\n")
		got := wrong.Error()
		if !strings.Contains(got, want) || !strings.HasPrefix(got, "x.case:") {
			t.Errorf("%q\n got %s\nwant %s", step, got, want)
		}
	}
}

func TestWrongCasesAreTold(t *testing.T) {
	for text, want := range map[string]string{
		"":                                    "x.case:1: a case begins with a paragraph",
		"T.\nsteps\n    core dies\n":          "x.case:1: no rules",
		"T.\nrules A1\n":                      "x.case:1: no steps",
		"T.\nrules A1 Q\n":                    `x.case:2: "Q" is no rule's number`,
		"T.\nrules A1\nmore\n":                "x.case:3: want rules, needs, gateway",
		"T.\n    x\n":                         "x.case:2: an indented line belongs to no section",
		"T.\nrules A1\nsteps now\n    core\n": `x.case:3: nothing stands beside "steps"`,
		"T.\nrules A1\npolicy\n":              "x.case:3: policy wants the name of a file",
	} {
		_, wrong := Parse("x.case", text)
		if !strings.Contains(wrong.Error(), want) {
			t.Errorf("%q\n got %v\nwant %s", text, wrong, want)
		}
	}
}

func TestAllFaultsOfAllFilesAreTold(t *testing.T) {
	_, err := Load(fstest.MapFS{
		"a/one.case":   {Data: []byte("T.\nrules A1\nsteps\n    a dances\n    b dances\n")},
		"b/two.case":   {Data: []byte("T.\nrules A1\nsteps\n    core dies\n")},
		"b/three.case": {Data: []byte("")},
		"b/notes.md":   {Data: []byte("not a case")},
	})
	got := err.Error()
	for _, want := range []string{"a/one.case:4:", "a/one.case:5:", "b/three.case:1:"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in:\n%s", want, got)
		}
	}
}

func TestVerbsHaveOneMeaningForOneActor(t *testing.T) {
	seen := map[string]bool{}
	for _, v := range Verbs {
		for _, k := range v.Kinds {
			name := k.String() + " " + v.Name
			if seen[name] {
				t.Errorf("%s stands twice", name)
			}
			seen[name] = true
		}
		if v.Means == "" {
			t.Errorf("%s has no meaning", v.Name)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(good)
	f.Fuzz(func(t *testing.T, text string) {
		c, wrong := Parse("x.case", text)
		if wrong == nil && (c.Title == "" || len(c.Rules) == 0 || len(c.Steps) == 0) {
			t.Errorf("a case without its parts was accepted: %+v", c)
		}
	})
}
