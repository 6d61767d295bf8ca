package gateway

import (
	"reflect"
	"testing"

	"github.com/modgate/modgate/core/config"
)

// Every bound of the data plane is an operator's to set (architecture.md 6).
func TestEveryLimitIsConfiguration(t *testing.T) {
	c := config.Default()
	got := reflect.ValueOf(limits(&c))
	for i := range got.NumField() {
		if got.Field(i).IsZero() {
			t.Errorf("limits leaves %s to the proxy: no attribute sets it", got.Type().Field(i).Name)
		}
	}
}
