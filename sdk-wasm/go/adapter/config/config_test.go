package config

import "testing"

func TestReadIsStrict(t *testing.T) {
	type mine struct {
		Method string `json:"method"`
		Pause  int    `json:"pause"`
	}
	for text, want := range map[string]string{
		"":                                "",
		" \n":                             "",
		`{}`:                              "",
		`{"pause": 2}`:                    "",
		`{"pause": "2"}`:                  "plugin.config: json: cannot unmarshal string into Go struct field mine.pause of type int",
		`{"puase": 2}`:                    `plugin.config: json: unknown field "puase"`,
		`{"pause": 2} {"method": "POST"}`: "plugin.config: something follows the settings",
		`{"pause": 2`:                     "plugin.config: unexpected EOF",
	} {
		v := mine{Method: "PUT", Pause: 2}
		got := ""
		if err := Read(text, &v); err != nil {
			got = err.Error()
		}
		if got != want || want == "" && v != (mine{"PUT", 2}) {
			t.Errorf("%s: got %q and %+v, want %q", text, got, v, want)
		}
	}
}

func TestWrongSaysAll(t *testing.T) {
	var w Wrong
	if err := w.Err(); err != nil {
		t.Errorf("nothing is wrong, and yet: %v", err)
	}
	w.Say("tenants: %q is no tenant", "A")
	w.Say("poll: want more than 0")
	if got, want := w.Err().Error(), "plugin.config: tenants: \"A\" is no tenant\nplugin.config: poll: want more than 0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
