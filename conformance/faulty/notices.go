package faulty

import (
	"regexp"
	"strings"
)

var eventID = regexp.MustCompile(`(?m)^id: \d+$`)

// notices are broken in what they tell modules.
func notices() []Variant {
	return []Variant{
		{Name: "tells-no-delay", Means: "DELAY about a requirement is not told", Rule: "D2", Case: "d-requirements/one-notice-per-change", event: without("dev.modgate.delay.v1")},
		{Name: "tells-no-missing", Means: "MISSING is not told", Rule: "A4", Case: "a-availability/return-after-missing", event: without("dev.modgate.missing.v1")},
		{Name: "tells-no-resume", Means: "RESUME is not told", Rule: "U4", Case: "u-update/resume-ends-it", event: without("dev.modgate.resume.v1")},
		{Name: "stutters", Means: "each change is told twice, under two ids", Rule: "D2", Case: "d-requirements/one-notice-per-change", event: func(e string) string {
			if !strings.Contains(e, "dev.modgate.") {
				return e
			}
			return e + strings.Replace(e, `"id":"`, `"id":"again-`, 1)
		}},
		{Name: "never-synced", Means: "the end of the snapshot is not told", Rule: "3.4-sse", Case: "n-notices/snapshot-then-synced", event: without("event: synced")},
		{Name: "counts-nothing", Means: "every event has one id", Rule: "3.4-sse", Case: "n-notices/event-ids-rise", event: func(e string) string {
			return eventID.ReplaceAllString(e, "id: 1")
		}},
		{Name: "own-events", Means: "notices are no CloudEvents", Rule: "3.4-cloudevents", Case: "n-notices/cloud-event", event: func(e string) string {
			return strings.Replace(e, `"specversion":"1.0"`, `"specversion":"0.1"`, 1)
		}},
	}
}

// without drops events that contain a text.
func without(text string) func(string) string {
	return func(e string) string {
		if strings.Contains(e, text) {
			return ""
		}
		return e
	}
}
