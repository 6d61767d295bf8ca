package script

import (
	"fmt"
	"slices"
	"strings"
)

// Kind is who takes a step. The zero value is invalid.
type Kind uint8

// The actors.
const (
	Module Kind = iota + 1 // an instance of a module, under its id
	Client                 // client, client-a, client-b ...
	Admin
	Core
	Time
	Label // of a step that was not waited for
)

var kindNames = [...]string{"", "module", "client", "admin", "core", "time", "label"}

func (k Kind) String() string { return kindNames[k] }

// Verb is something that an actor can do.
type Verb struct {
	Name    string
	Kinds   []Kind
	Args    string // names of the arguments; [X] may be left out, X... takes the rest
	Options string // names of the options; a name with a ~ is a length of time
	Checks  bool   // an arrow may follow
	Beside  bool   // "as LABEL" may follow
	Means   string
}

// Verbs lists everything that can happen in a case, in the order of the
// grammar's document.
var Verbs = []Verb{
	{
		"registers",
		[]Kind{Module},
		"MODULE VERSION", "path provides requires interface-requires optional replaces lease~ on_delay upstream webhook secret instance",
		true, true, "`POST /v1/instances` as itself; without an arrow 201. `path=\"GET /items/{id}\"` and the requirements (`requires=\"users >= 1.4\"`) and `replaces=MODULE` may be repeated; paths are `/MODULE` and `/MODULE/*` without one",
	},
	{"renews", []Kind{Module}, "", "token within~", true, true, "`PUT .../lease`; without an arrow 200; with `within` again and again, until the arrow fits"},
	{"updates", []Kind{Module}, "", "seq wait~ expected~ reason token", true, true, "announces UPDATE, waits up to 10 s for the outcome or `wait`; without an arrow 200, outcome `granted`"},
	{"resumes", []Kind{Module}, "", "seq wait~ reason token", true, true, "announces RESUME; without an arrow 200, outcome `resumed`"},
	{"disconnects", []Kind{Module}, "", "seq wait~ reason token", true, true, "announces DISCONNECT; without an arrow 200, outcome `disconnected`"},
	{"alerts", []Kind{Module}, "SEVERITY SUMMARY", "detail", true, true, "`POST /v1/alerts`; without an arrow 202"},
	{"calls", []Kind{Module, Client, Admin}, "METHOD PATH", "body fill bearer type prefer @", true, true, "a call of the control API, word by word; `bearer` is `join`, `admin`, `none`, the token of an instance, or any text; `fill` is a body of that many bytes; `@Name=` a header"},
	{"listens", []Kind{Module}, "", "after", true, false, "opens its stream of notices, `after` an event's id; a former one is left open"},
	{"stops-listening", []Kind{Module}, "", "", false, false, "closes its stream"},
	{"hears", []Kind{Module}, "KIND", "within~", true, false, "a notice `delay`, `missing` or `resume`, or the event `synced`, that the arrow fits comes within 3 s or `within`; what came before it is done with"},
	{"hears-next", []Kind{Module}, "KIND", "within~", true, false, "the same, and nothing else comes before it, but repetitions"},
	{"hears-no", []Kind{Module}, "[KIND]", "for~", true, false, "no such notice comes for 300 ms, or `for`"},
	{"loses-stream", []Kind{Module}, "", "within~", false, false, "the core closes the stream"},
	{"answers", []Kind{Module}, "STATUS", "body after~ @", false, false, "to every request from now on; at first 200, its own id as the body"},
	{"streams", []Kind{Module}, "", "", false, false, "from now on: what is said to it, on a WebSocket, or an event stream; neither ends by itself, until it `answers` again"},
	{"holds", []Kind{Module}, "", "", false, false, "requests from now on, until it releases them"},
	{"has", []Kind{Module}, "N", "within~", false, false, "N requests in its hands, within 3 s"},
	{"has-served", []Kind{Module}, "N", "", false, false, "N requests since the start, those in its hands included"},
	{"served", []Kind{Module}, "N", "within~", true, false, "its Nth request since the start, up to the 1,000th, was so, and comes within 3 s; `after` is how long after its first one"},
	{"releases", []Kind{Module}, "", "", false, false, "all that it holds, and holds no more"},
	{"got", []Kind{Module}, "", "within~", true, false, "its latest request was so, or one within the time given: `method`, `path`, `body`, `@Header`; `signed` is `yes` for a webhook with a good signature"},
	{"refuses", []Kind{Module}, "", "", false, false, "connections from now on, and cuts those that are there, as if its process had died"},
	{"accepts", []Kind{Module}, "", "", false, false, "connections again, at the same address"},
	{"sends", []Kind{Module, Client}, "METHOD PATH", "body fill wait~ times token run to timeout~ @", true, true, "a request to the data listener, or an address; a module sends its token; `run` is an instance, whose oldest request in its hands it serves by it, or a text; `times` as many at once; without an arrow 200"},
	{"tries", []Kind{Module, Client}, "METHOD PATH", "to within~ @", true, false, "the same again and again, until the arrow fits, at most 5 s or `within`"},
	{"connects", []Kind{Module, Client}, "PATH", "text timeout~ @", true, true, "opens a WebSocket, says `text`, and reads until it ends: `status` of the handshake, `body` what it was told, `close` the code; without an arrow 101"},
	{"loads", []Kind{Module, Client}, "METHOD PATH", "clients @", false, true, "sends without end, one after the other, from 4 clients"},
	{"writes", []Kind{Client}, "TEXT", "to timeout~", true, true, "raw octets to the data listener, or `to=control`, and reads one answer"},
	{"sees", []Kind{Admin}, "MODULE", "within~", true, false, "`GET /v1/admin/modules/MODULE` is so, within 5 s"},
	{"reloads", []Kind{Admin}, "", "config", true, false, "`POST /v1/admin/reload`; `config` is written first, instead of the case's: the name of a `config` part, or blocks in so many words"},
	{"dies", []Kind{Core}, "", "", false, false, "SIGKILL"},
	{"stops", []Kind{Core}, "", "within~", false, false, "SIGTERM, and an exit with 0"},
	{"starts", []Kind{Core}, "", "", false, false, "again, with the same data and addresses"},
	{"refuses-config", []Kind{Core}, "", "", true, false, "what stands in `config` does not start; `body` is what it prints"},
	{"log-lacks", []Kind{Core}, "TEXT", "", false, false, "what the core printed does not hold the text; `token:ID`, `join` and `admin` are the secrets"},
	{"passes", []Kind{Time}, "DURATION", "", false, false, "nothing is done"},
	{"gets", []Kind{Label}, "", "within~", true, false, "the step's answers, all of them; without an arrow as the step alone"},
	{"counts", []Kind{Label}, "N", "", true, false, "exactly N of the step's answers are so; all must have come"},
	{"waits", []Kind{Label}, "[DURATION]", "", false, false, "its requests are sent, none is answered, and none is for 300 ms or the time given"},
	{"leaves", []Kind{Label}, "", "", false, false, "the connection is cut"},
	{"ends", []Kind{Label}, "", "least", true, false, "the load ends; all of its answers were so; without an arrow 200"},
}

// kindOf returns who an actor's name stands for.
func kindOf(name string, labels map[string]*Step) Kind {
	switch {
	case name == "admin":
		return Admin
	case name == "core":
		return Core
	case name == "time":
		return Time
	case name == "client" || strings.HasPrefix(name, "client-"):
		return Client
	case labels[name] != nil:
		return Label
	}
	return Module
}

// verbOf finds the verb, or says what the actor can do.
func verbOf(name string, kind Kind) (*Verb, error) {
	var can []string
	for i := range Verbs {
		v := &Verbs[i]
		if !slices.Contains(v.Kinds, kind) {
			continue
		}
		if v.Name == name {
			return v, nil
		}
		can = append(can, v.Name)
	}
	return nil, fmt.Errorf("a %v does not %q; it can: %s", kind, name, strings.Join(can, " "))
}

// takes reports whether the verb has an option, and whether it is a length
// of time.
func (v *Verb) takes(option string) (known, time bool) {
	names := strings.Fields(v.Options)
	switch {
	case slices.Contains(names, option), strings.HasPrefix(option, "@") && slices.Contains(names, "@"):
		return true, false
	default:
		known = slices.Contains(names, option+"~")
		return known, known
	}
}

// arity returns how many arguments the verb has, at least and at most.
func (v *Verb) arity() (least, most int) {
	for _, a := range strings.Fields(v.Args) {
		if !strings.HasPrefix(a, "[") {
			least++
		}
		most++
	}
	return least, most
}
