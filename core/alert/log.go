package alert

import (
	"context"
	"log/slog"
	"time"
)

// Log returns the sink that writes reports to the log: critical ones as
// errors, warnings as warnings, ends and the rest as information.
func Log(l *slog.Logger) Sink { return logSink{l} }

type logSink struct{ *slog.Logger }

func (s logSink) Send(ctx context.Context, r Report) error {
	level := slog.LevelInfo
	if r.Occasion != Ended {
		level = levels[r.Severity]
	}
	attrs := []slog.Attr{slog.String("severity", r.Severity.String())}
	for _, a := range []slog.Attr{
		slog.String("key", r.Key), slog.String("module", r.Module), slog.String("from", r.From), slog.String("detail", r.Detail),
	} {
		if a.Value.String() != "" {
			attrs = append(attrs, a)
		}
	}
	text := "alert: "
	if r.Occasion == Ended {
		text = "alert is over: "
		attrs = append(attrs, slog.Duration("after", r.Time.Sub(r.Since).Round(time.Millisecond)))
	}
	s.LogAttrs(ctx, level, text+r.Summary, attrs...)
	return nil
}

var levels = [...]slog.Level{Info: slog.LevelInfo, Warning: slog.LevelWarn, Critical: slog.LevelError}
