package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/modgate/modgate/core/control"
	"github.com/modgate/modgate/core/message"
)

func statusCommand() *cobra.Command {
	c := &client{}
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show at a glance which modules are ready, delayed or missing, and who waits",
		Long: "Show every module: those that are not ready first, with why, since when, and how long they\n" +
			"may be delayed until they are missing; then what is unmet of the versions in use.\n\n" +
			"Exit code 0 when every module is ready, 3 when one is delayed, 4 when one is missing.",
		Args:              exactly(0, "no arguments"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			view, raw, err := c.modules(cmd)
			if err != nil {
				return err
			}
			if err := c.show(cmd, raw, &view, func(w io.Writer) error { return printStatus(w, view.Modules, time.Now()) }); err != nil {
				return err
			}
			return worst(view.Modules)
		},
	}
	c.flags(cmd)
	return cmd
}

// worst is nil when every module is ready, else the exit code that says how
// bad it is.
func worst(modules []moduleView) error {
	code := exitOK
	for _, m := range modules {
		switch m.State.State {
		case message.Missing:
			code = exitMissing
		case message.Delayed:
			code = max(code, exitDelayed)
		case message.Ready, message.Unknown:
		}
	}
	if code == exitOK {
		return nil
	}
	return &exit{code: code}
}

// printStatus writes one line per module, the worst first, and below them
// what is unmet.
func printStatus(w io.Writer, modules []moduleView, now time.Time) error {
	if len(modules) == 0 {
		_, err := fmt.Fprintln(w, "no module is registered or configured")
		return err
	}
	modules = slices.SortedStableFunc(slices.Values(modules), func(a, b moduleView) int { return cmp.Compare(b.State.State, a.State.State) })
	fmt.Fprintf(w, "%s\n\n", summary(modules))
	t := newTable(w)
	t.row("MODULE", "STATE", "VERSION", "WHY", "SINCE", "LEFT", "PARKED")
	for _, m := range modules {
		t.row(m.Module, m.State.State.String(), m.version(), m.why(), ago(m.Since, now), m.left(), m.waiting())
	}
	if err := t.Flush(); err != nil {
		return err
	}
	return printUnmet(w, modules)
}

// summary counts modules by state, and who waits.
func summary(modules []moduleView) string {
	count := map[message.Availability]int{}
	parked := 0
	for _, m := range modules {
		count[m.State.State]++
		parked += m.Parked
	}
	parts := []string{fmt.Sprintf("%d ready", count[message.Ready])}
	for _, s := range []message.Availability{message.Delayed, message.Missing} {
		if count[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count[s], s))
		}
	}
	text := "modules: " + strings.Join(parts, ", ")
	if parked > 0 {
		text += fmt.Sprintf("; %d parked", parked)
	}
	return text
}

func printUnmet(w io.Writer, modules []moduleView) error {
	t := newTable(w)
	any := false
	for _, m := range modules {
		for _, v := range m.Versions {
			for _, r := range v.Requirements {
				if r.State == message.Met || !m.concerns(v) {
					continue
				}
				if !any {
					fmt.Fprintln(w)
					t.row("UNMET BY", "REQUIRES", "STATE", "WHY")
					any = true
				}
				t.row(m.Module+" "+v.Version.String(), required(r), r.State.String(), unmetReason(r))
			}
		}
	}
	return t.Flush()
}

// concerns reports whether it matters now what v requires: it is in use, or
// nothing is and it is about to serve. What an idle, fenced or gone version
// required is history.
func (m moduleView) concerns(v control.VersionOverview) bool {
	switch v.Phase {
	case message.Serving, message.Draining, message.Waiting, message.Updating:
		return true
	case message.Starting:
		return m.State.State != message.Ready
	case message.Idle, message.Fenced, message.Out:
	}
	return slices.ContainsFunc(v.Instances, func(i control.InstanceOverview) bool { return i.Runs > 0 })
}

// required says what is required, and of whom.
func required(r message.Requirement) string {
	text := strings.TrimSpace(r.ID + " " + r.Range)
	if r.Module != "" && r.Module != r.ID {
		text += " of " + r.Module
	}
	if r.Optional {
		text += " (optional)"
	}
	return text
}

// unmetReason says why; a version found tells something only where it is the
// wrong one.
func unmetReason(r message.Requirement) string {
	switch {
	case r.Reason == message.ReasonVersion && r.Found != "":
		return "found " + r.Found
	case r.Reason == message.ReasonUnknown:
		return "nobody provides it"
	default:
		return r.Reason.String()
	}
}

// version says what serves, and what is about to.
func (m moduleView) version() string {
	text := m.Serving.String()
	for _, v := range m.Versions {
		switch v.Phase {
		case message.Waiting, message.Updating:
			text += " -> " + v.Version.String()
		case message.Draining:
			if m.Serving.IsZero() {
				text = v.Version.String() + text
			}
		case message.Starting, message.Serving, message.Idle, message.Fenced, message.Out:
		}
	}
	return strings.TrimSpace(text)
}

// why says why it is not ready, or that an older version still drains.
func (m moduleView) why() string {
	if v := m.drains(); v != nil && m.State.State == message.Ready {
		return v.Version.String() + " drains"
	}
	return m.Reason.String()
}

// left says how long the delay may last, or the drain.
func (m moduleView) left() string {
	switch v := m.drains(); {
	case m.State.State == message.Delayed:
		return short(time.Duration(m.TTL))
	case m.State.State == message.Ready && v != nil:
		return short(time.Duration(v.GraceLeft))
	default:
		return ""
	}
}

// drains returns the version that drains, or nil.
func (m moduleView) drains() *control.VersionOverview {
	i := slices.IndexFunc(m.Versions, func(v control.VersionOverview) bool { return v.Phase == message.Draining })
	if i < 0 {
		return nil
	}
	return &m.Versions[i]
}

// waiting says who is parked.
func (m moduleView) waiting() string {
	if m.Parked == 0 {
		return ""
	}
	return fmt.Sprintf("%d, for up to %s", m.Parked, short(time.Duration(m.LongestWait)))
}
