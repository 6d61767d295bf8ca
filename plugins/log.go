package plugins

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// Levels as http-wasm numbers them.
const (
	levelDebug int32 = iota - 1
	levelInfo
	levelWarn
	levelError
	levelNone
)

// Bounds of what a plugin's guests may log.
const (
	maxLine  = 4 << 10 // bytes; the rest is cut off
	maxLines = 100     // a second; more are counted
)

// lines are a plugin's in the gateway's log.
type lines struct {
	log *slog.Logger

	mu      sync.Mutex
	second  time.Time // guarded by mu, as below
	count   int       // in it
	dropped int       // since the last line
}

// enabled reports whether a line of the level would be seen.
func (l *lines) enabled(level int32) bool {
	return level >= levelDebug && level < levelNone && l.log.Enabled(context.Background(), slogLevel(level))
}

func slogLevel(level int32) slog.Level {
	switch level {
	case levelDebug:
		return slog.LevelDebug
	case levelInfo:
		return slog.LevelInfo
	case levelWarn:
		return slog.LevelWarn
	default:
		return slog.LevelError
	}
}

// write logs text, which a guest wrote.
func (l *lines) write(level int32, text []byte) {
	if !l.enabled(level) {
		return
	}
	dropped, ok := l.admit(time.Now())
	if !ok {
		return
	}
	if dropped > 0 {
		l.log.Warn("the adapter logs too much", "dropped_lines", dropped)
	}
	more := len(text) > maxLine
	s := strings.ToValidUTF8(string(text[:min(len(text), maxLine)]), "�")
	if more {
		s += "…"
	}
	l.log.Log(context.Background(), slogLevel(level), "adapter: "+s)
}

// admit reports whether a line may be written at now, and how many were not
// before it.
func (l *lines) admit(now time.Time) (dropped int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.second) >= time.Second {
		l.second, l.count = now, 0
	}
	if l.count == maxLines {
		l.dropped++
		return 0, false
	}
	l.count++
	dropped, l.dropped = l.dropped, 0
	return dropped, true
}

// output is a stream on which a guest prints lines.
type output struct {
	lines *lines
	level int32
	line  []byte // begun
}

// Write logs the lines that are whole. It never fails: a guest is not to care.
func (o *output) Write(p []byte) (int, error) {
	rest := p
	for {
		n := bytes.IndexByte(rest, '\n')
		if n < 0 {
			break
		}
		o.keep(rest[:n])
		o.lines.write(o.level, o.line)
		o.line, rest = o.line[:0], rest[n+1:]
	}
	o.keep(rest)
	return len(p), nil
}

// end logs a line that the guest did not get to end.
func (o *output) end() {
	if len(o.line) > 0 {
		o.lines.write(o.level, o.line)
		o.line = nil
	}
}

// keep appends to the line what there is room for.
func (o *output) keep(b []byte) {
	o.line = append(o.line, b[:min(len(b), maxLine+1-len(o.line))]...)
}
