// Code generated from schemas/ by policies/generate. DO NOT EDIT.

package policies

import "github.com/modgate/modgate/core/fallback"

// The fields, in the order of the schema.
const (
	fieldEntrypoint       field = iota // the question
	fieldModule                        // its name
	fieldState                         // its state (A1)
	fieldReason                        // why it is not ready (A1); empty while it is
	fieldVersion                       // the version that leaves, updates or is asked about
	fieldServing                       // the highest version that serves; empty if none does
	fieldOlder                         // the version that a fallback to an older one would reach: neither below the floor nor draining (A3); empty if there is none
	fieldExpected                      // how long the module itself expects to be away, in seconds; 0 if it did not say
	fieldNote                          // the reason that the module gave in its announcement
	fieldLosses                        // how often it was lost within 10 minutes (L5)
	fieldAsked                         // how long ago the UPDATE was announced, in whole seconds: it grows while the UPDATE is deferred
	fieldAbsent                        // how long the absence has lasted, in whole seconds
	fieldTTLLeft                       // how long until DELAY becomes MISSING, in whole seconds
	fieldWeekday                       // day of the week
	fieldDate                          // date, as 2006-01-02
	fieldHour                          // hour of the day
	fieldMinute                        // minute of the hour
	fieldTime                          // time of the day, as 15:04
	fieldCallerKind                    // module, if the request bears a module's token; else client (I1)
	fieldCallerModule                  // the calling module; empty for a client
	fieldCallerVersion                 // its version; empty for a client
	fieldCallerOnDelay                 // what suits it (A8): policies may turn park into reply, never the reverse
	fieldMethod                        // method, as it was sent
	fieldPath                          // path, as it was sent
	fieldRoute                         // pattern of the route that matched, such as /items/{id}
	fieldHost                          // host that it was sent to
	fieldTenant                        // value of the header that the configuration names as the tenant's; empty without one
	fieldSize                          // size of the body in bytes; 0 if it is not known
	fieldRepeatable                    // whether it bears an Idempotency-Key: sent twice, it is done once
	fieldParkedCount                   // requests that wait for the module
	fieldParkedPercent                 // how full the room is
	fieldPlatformUpdating              // other modules whose UPDATE is granted
	fieldTroubleDelayed                // requests answered DELAY a second, over the last few seconds
	fieldTroubleMissing                // requests answered MISSING a second, over the last few seconds
	fieldTroubleOldest                 // how long the first of the parked requests has waited, in whole seconds
	fieldTroubleUnmet                  // requirements of the module's own, optional ones aside, that are not met (D5)
	fieldTroubleUnmetFor               // how long the first of those has not been met, in whole seconds
	fieldCount
)

var fields = [fieldCount]registered{
	fieldEntrypoint:       {group: "", name: "entrypoint", kind: textual, class: known, words: []string{"request", "watch", "absence", "update", "grace", "resume", "alert"}},
	fieldModule:           {group: "target", name: "module", kind: textual, class: known},
	fieldState:            {group: "target", name: "state", kind: textual, class: known, words: []string{"delayed", "missing", "ready", "unknown"}},
	fieldReason:           {group: "target", name: "reason", kind: textual, class: known, words: []string{"", "starting", "waiting", "updating", "disconnected", "lost", "unhealthy", "expired", "forced"}},
	fieldVersion:          {group: "target", name: "version", kind: textual, class: known},
	fieldServing:          {group: "target", name: "serving", kind: textual, class: known},
	fieldOlder:            {group: "target", name: "older", kind: textual, class: known},
	fieldExpected:         {group: "target", name: "expected_s", kind: numeric, class: known},
	fieldNote:             {group: "target", name: "note", kind: textual, class: known},
	fieldLosses:           {group: "target", name: "losses", kind: numeric, class: known},
	fieldAsked:            {group: "target", name: "asked_s", kind: numeric, class: volatile, entrypoints: []fallback.Entrypoint{"update"}},
	fieldAbsent:           {group: "target", name: "absent_s", kind: numeric, class: volatile},
	fieldTTLLeft:          {group: "target", name: "ttl_left_s", kind: numeric, class: volatile},
	fieldWeekday:          {group: "now", name: "weekday", kind: textual, class: volatile, words: []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}},
	fieldDate:             {group: "now", name: "date", kind: textual, class: volatile, form: `^[0-9]{4}-[0-9]{2}-[0-9]{2}$`, doc: "date, as 2006-01-02"},
	fieldHour:             {group: "now", name: "hour", kind: numeric, class: volatile, most: 23},
	fieldMinute:           {group: "now", name: "minute", kind: numeric, class: volatile, most: 59},
	fieldTime:             {group: "now", name: "time", kind: textual, class: volatile, form: `^([01][0-9]|2[0-3]):[0-5][0-9]$`, doc: "time of the day, as 15:04"},
	fieldCallerKind:       {group: "caller", name: "kind", kind: textual, class: asked, words: []string{"client", "module"}, entrypoints: []fallback.Entrypoint{"request"}},
	fieldCallerModule:     {group: "caller", name: "module", kind: textual, class: asked, entrypoints: []fallback.Entrypoint{"request"}},
	fieldCallerVersion:    {group: "caller", name: "version", kind: textual, class: asked, entrypoints: []fallback.Entrypoint{"request"}},
	fieldCallerOnDelay:    {group: "caller", name: "on_delay", kind: textual, class: asked, words: []string{"park", "reply"}, entrypoints: []fallback.Entrypoint{"request"}},
	fieldMethod:           {group: "request", name: "method", kind: textual, class: asked, entrypoints: []fallback.Entrypoint{"request"}},
	fieldPath:             {group: "request", name: "path", kind: textual, class: asked, entrypoints: []fallback.Entrypoint{"request"}},
	fieldRoute:            {group: "request", name: "route", kind: textual, class: asked, entrypoints: []fallback.Entrypoint{"request"}},
	fieldHost:             {group: "request", name: "host", kind: textual, class: asked, entrypoints: []fallback.Entrypoint{"request"}},
	fieldTenant:           {group: "request", name: "tenant", kind: textual, class: asked, entrypoints: []fallback.Entrypoint{"request"}},
	fieldSize:             {group: "request", name: "size", kind: numeric, class: asked, entrypoints: []fallback.Entrypoint{"request"}},
	fieldRepeatable:       {group: "request", name: "repeatable", kind: boolean, class: asked, entrypoints: []fallback.Entrypoint{"request"}},
	fieldParkedCount:      {group: "parked", name: "count", kind: numeric, class: volatile, entrypoints: []fallback.Entrypoint{"request", "resume", "alert"}},
	fieldParkedPercent:    {group: "parked", name: "percent", kind: numeric, class: volatile, entrypoints: []fallback.Entrypoint{"request", "resume", "alert"}},
	fieldPlatformUpdating: {group: "platform", name: "updating", kind: numeric, class: volatile, entrypoints: []fallback.Entrypoint{"update"}},
	fieldTroubleDelayed:   {group: "trouble", name: "delayed_per_s", kind: numeric, class: volatile, entrypoints: []fallback.Entrypoint{"alert"}},
	fieldTroubleMissing:   {group: "trouble", name: "missing_per_s", kind: numeric, class: volatile, entrypoints: []fallback.Entrypoint{"alert"}},
	fieldTroubleOldest:    {group: "trouble", name: "oldest_s", kind: numeric, class: volatile, entrypoints: []fallback.Entrypoint{"alert"}},
	fieldTroubleUnmet:     {group: "trouble", name: "unmet", kind: numeric, class: volatile, entrypoints: []fallback.Entrypoint{"alert"}},
	fieldTroubleUnmetFor:  {group: "trouble", name: "unmet_for_s", kind: numeric, class: volatile, entrypoints: []fallback.Entrypoint{"alert"}},
}

// groupNames are the objects in input.
var groupNames = [...]string{"target", "now", "caller", "request", "parked", "platform", "trouble"}

// memberNames are the members that a decision may have.
var memberNames = map[fallback.Entrypoint][]string{
	"request": {"action", "detail", "fallback", "headers", "mode", "retry_after_s", "rule", "status", "wait_s"},
	"watch":   {"detail", "requests", "rule"},
	"absence": {"action", "alert", "detail", "rule", "ttl_s"},
	"update":  {"action", "detail", "retry_after_s", "rule"},
	"grace":   {"detail", "grace_s", "rule"},
	"resume":  {"detail", "rate_per_s", "rule"},
}
