package wire

import (
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestItemsAreReadAsRFC9651Says(t *testing.T) {
	for text, want := range map[string]Item{
		`delay;module="inventory";reason=updating;ttl=12;epoch=7`: {"delay", map[string]string{"module": "inventory", "reason": "updating", "ttl": "12", "epoch": "7"}},
		`modgate; error=destination_unavailable; details="delay"`: {"modgate", map[string]string{"error": "destination_unavailable", "details": "delay"}},
		`a;b`:          {"a", map[string]string{"b": "?1"}},
		`"a \"b\\"`:    {`a "b\`, map[string]string{}},
		`-12;x=1.5`:    {"-12", map[string]string{"x": "1.5"}},
		`?1;a=?0`:      {"?1", map[string]string{"a": "?0"}},
		`proxy, other`: {"proxy", map[string]string{}},
	} {
		if got, err := ParseItem(text); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v %v, want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", ";a", `"open`, "a;", "a;B=1", "a;b=", "a b", "-", `"a\n"`, "\"\x01\"", "a;b=\"\xff\""} {
		if got, err := ParseItem(text); err == nil {
			t.Errorf("%q is no item, and was read as %+v", text, got)
		}
	}
}

func TestMembersAreFoundByTheirPaths(t *testing.T) {
	body := []byte(`{"a":{"b":[{"id":"x","n":1.5},{"version":"1.0.0","phase":"idle"}]},"t":true,"z":null,"s":"text"}`)
	for path, want := range map[string]string{
		"s": "text", "t": "true", "a.b.0.n": "1.5", "a.b[x].n": "1.5", "a.b[1.0.0].phase": "idle", "a.b.length": "2",
		"a.b[x]": `{"id":"x","n":1.5}`,
	} {
		if got, found := JSON(body, path); !found || got != want {
			t.Errorf("%s: %q %v, want %q", path, got, found, want)
		}
	}
	for _, path := range []string{"q", "a.q", "a.b.2", "a.b[y]", "s.x", "z", "a.b.-1", "a]b["} {
		if got, found := JSON(body, path); found {
			t.Errorf("%s: found %q", path, got)
		}
	}
	if _, found := JSON([]byte("no json"), "a"); found {
		t.Error("found a member of what is no JSON")
	}
}

func TestAnswersHaveFields(t *testing.T) {
	a := Answer{
		Status: 503, Body: []byte(`{"status":1,"reason":"waiting"}`), Took: 2 * time.Second,
		Header: http.Header{"Modgate-Status": {`delay;ttl=3`}, "Odd": {`"open`}, FromHeader: {"a"}},
	}
	for name, want := range map[string]string{
		"status": "503", "in": "2s", "reason": "waiting", "from": "a", "@modgate-status": "delay;ttl=3",
		"@Modgate-Status;": "delay", "@Modgate-Status;ttl": "3",
	} {
		if got, found := a.Field(name); !found || got != want {
			t.Errorf("%s: %q %v, want %q", name, got, found, want)
		}
	}
	if got, _ := a.Field("@Odd;x"); !strings.Contains(got, "without end") {
		t.Errorf("a field that is not structured: %q", got)
	}
	if _, found := a.Field("error"); found {
		t.Error("an answer that came has an error")
	}
	if got := (Answer{Err: errors.New("cut off")}).String(); !strings.Contains(got, "cut off") {
		t.Errorf("%q", got)
	}
}

func TestEventsAreReadAsTheyCome(t *testing.T) {
	stream := "retry: 1000\n\n: \n\nid: 7\nevent: dev.modgate.delay.v1\ndata: {\"id\":\"books/books/4\",\ndata: \"subject\":\"books\",\"data\":{\"ttl\":\"3s\"}}\n\nevent: synced\ndata: {}\n\nid: 8\nda"
	var got []Event
	if err := ReadEvents(strings.NewReader(stream), func(e Event) { got = append(got, e) }); !errors.Is(err, io.EOF) {
		t.Errorf("at its end: %v", err)
	}
	if len(got) != 3 || got[0].Name != ":" {
		t.Fatalf("%+v", got)
	}
	e := got[1]
	for name, want := range map[string]string{"id": "7", "retry": "1000", "subject": "books", "ttl": "3s", "ce.id": "books/books/4"} {
		if v, found := e.Field(name); !found || v != want {
			t.Errorf("%s: %q %v, want %q", name, v, found, want)
		}
	}
	if e.Kind() != "delay" || e.NoticeID() != "books/books/4" || got[2].Kind() != "synced" || got[2].ID != "7" {
		t.Errorf("%+v", got)
	}
}

func FuzzParseItem(f *testing.F) {
	f.Add(`delay;module="inventory";ttl=12`)
	f.Fuzz(func(_ *testing.T, text string) {
		ParseItem(text) // that it returns is what counts
	})
}
