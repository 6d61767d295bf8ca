package config

import "time"

// Process is a program that the gateway starts and watches. Default and
// bounds of each field stand in Settings.
type Process struct {
	Name        string
	Module      string            // whose instance it is: it gets that module's join secret; empty: none
	Command     []string          // program and arguments; the program with a slash is a path
	Environment map[string]string // over the gateway's own
	Dir         string            // working folder
	Port        int               // in its environment as PORT; 0: no PORT
	Restart     Restart
	Backoff     Backoff
	Autostart   bool          // with the gateway; else on request
	StopTimeout time.Duration // from SIGTERM to SIGKILL
}

// Backoff is how long a process that ended waits to be started again: Min,
// doubled with each end, up to Max; Min again once it ran for Max.
type Backoff struct{ Min, Max time.Duration }

// DefaultProcess returns the process of which only the name is declared.
func DefaultProcess(name string) Process {
	return Process{
		Name: name, Backoff: Backoff{Min: 500 * time.Millisecond, Max: 30 * time.Second},
		Autostart: true, StopTimeout: 10 * time.Second,
	}
}

// Log returns the file of the process' output, below the data directory.
func (p *Process) Log() string { return "log/" + p.Name + ".log" }

// Settings lists what the language sets of p, by name below its block.
func (p *Process) Settings() []Setting {
	return []Setting{
		{Name: "module", Value: &p.Module, Effect: ProcessNext, Doc: "whose instance it is: it is told that module's join secret, if it has one of its own"},
		{Name: "command", Value: &p.Command, Effect: ProcessAgain, Form: Program, Required: true, Doc: "the program and its arguments; a program without a slash is looked up in PATH"},
		{Name: "environment", Value: &p.Environment, Effect: ProcessAgain, Doc: "variables, over those of the gateway"},
		{Name: "dir", Value: &p.Dir, Effect: ProcessAgain, Form: Path, Doc: "its working folder; unset: the folder of the file that declares it"},
		{Name: "port", Value: &p.Port, Effect: ProcessAgain, Max: 65535, Doc: "where it is to listen: PORT in its environment; 0: no PORT"},
		{Name: "restart", Value: &p.Restart, Words: restartNames[:], Doc: "when it is started again: after an exit code other than 0, after any exit, or never"},
		{Name: "backoff.min", Value: &p.Backoff.Min, Min: 10 * ms, Max: hour, Doc: "the first wait before it is started again; it doubles"},
		{Name: "backoff.max", Value: &p.Backoff.Max, Min: 10 * ms, Max: hour, Doc: "the longest wait; a process that ran for this long begins with the first again"},
		{Name: "autostart", Value: &p.Autostart, Doc: "whether it starts with the gateway, or the reload that declares it, or only on request"},
		{Name: "stop_timeout", Value: &p.StopTimeout, Max: hour, Doc: "from SIGTERM to SIGKILL"},
	}
}

// Restart says when a process that ended is started again. The zero value is
// OnFailure.
type Restart uint8

// The restart policies.
const (
	OnFailure Restart = iota // unless it exited with 0
	Always
	Never
)

var restartNames = [...]string{"on-failure", "always", "never"}

func (r Restart) String() string { return restartNames[r] }

// MarshalText writes the language's word.
func (r Restart) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (r *Restart) UnmarshalText(b []byte) error { return parseWord(r, restartNames[:], b) }
