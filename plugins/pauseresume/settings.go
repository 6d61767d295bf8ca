package main

import (
	"maps"
	"slices"
	"strings"

	"github.com/modgate/modgate/sdk-wasm/go/adapter"
	"github.com/modgate/modgate/sdk-wasm/go/adapter/config"
)

// settings are plugin.config, in JSON; none at all will do.
type settings struct {
	Method       string            `json:"method"`       // of both
	Pause        string            `json:"pause"`        // target that lets the module pause
	Resume       string            `json:"resume"`       // and go on
	Milliseconds string            `json:"milliseconds"` // the parameter that says for how long; "": none does
	Health       string            `json:"health"`       // path that is answered with a word
	Words        map[string]string `json:"words"`        // what the words mean, beside the usual ones

	words map[string]adapter.Health
}

// meanings are what a word may mean.
var meanings = map[string]adapter.Health{
	"up": adapter.Up, "degraded": adapter.Degraded, "down": adapter.Down, "starting": adapter.Starting,
}

// usual are words that mean the same everywhere. Who pauses can serve.
func usual() map[string]adapter.Health {
	return map[string]adapter.Health{
		"OK": adapter.Up, "UP": adapter.Up, "RUNNING": adapter.Up, "PAUSED": adapter.Up,
		"BUSY": adapter.Degraded, "DEGRADED": adapter.Degraded, "WARN": adapter.Degraded,
		"DOWN": adapter.Down, "STOPPING": adapter.Down, "STOPPED": adapter.Down, "FAILED": adapter.Down,
		"STARTING": adapter.Starting, "LOADING": adapter.Starting,
	}
}

// read reads the settings, and says all that is wrong with them.
func (s *settings) read(text string) error {
	*s = settings{Method: "PUT", Pause: "/pause", Resume: "/resume", Milliseconds: "ms", Health: "/health", words: usual()}
	if err := config.Read(text, s); err != nil {
		return err
	}
	var wrong config.Wrong
	if s.Method != "PUT" && s.Method != "POST" {
		wrong.Say(`method: want "PUT" or "POST", not %q`, s.Method)
	}
	for _, target := range []struct{ name, is string }{{"health", s.Health}, {"pause", s.Pause}, {"resume", s.Resume}} {
		if !strings.HasPrefix(target.is, "/") {
			wrong.Say("%s: want a path such as /%s, not %q", target.name, target.name, target.is)
		}
	}
	for _, word := range slices.Sorted(maps.Keys(s.Words)) {
		health, known := meanings[s.Words[word]]
		if !known {
			wrong.Say("words: %s: want one of %q, not %q", word, slices.Sorted(maps.Keys(meanings)), s.Words[word])
		}
		s.words[strings.ToUpper(word)] = health
	}
	return wrong.Err()
}
