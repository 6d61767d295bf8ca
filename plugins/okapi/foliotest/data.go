package foliotest

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
)

// Data is what all versions of a module share: of each tenant, which version's
// it is. The zero value is empty, and in memory.
type Data struct {
	File string // where it is kept for several processes; empty: in memory

	mu      sync.Mutex
	tenants map[string]schema // guarded by mu
}

// schema is a tenant's data.
type schema struct {
	Module    string // whose it is: the module's id
	Migrating string // whose it becomes
	Run       string // of the request that made it begin: what belongs to it may use the data meanwhile
}

// change lets f change the tenant's data, or not.
func (d *Data) change(tenant string, f func(*schema) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.load(); err != nil {
		return err
	}
	s := d.tenants[tenant]
	was := s
	err := f(&s)
	if s == was {
		return err
	}
	if d.tenants[tenant] = s; s == (schema{}) {
		delete(d.tenants, tenant)
	}
	return errors.Join(err, d.save())
}

func (d *Data) load() error {
	if d.tenants == nil {
		d.tenants = map[string]schema{}
	}
	if d.File == "" {
		return nil
	}
	text, err := os.ReadFile(d.File)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	clear(d.tenants)
	return json.Unmarshal(text, &d.tenants)
}

func (d *Data) save() error {
	if d.File == "" {
		return nil
	}
	text, err := json.Marshal(d.tenants)
	if err != nil {
		return err
	}
	temporary := d.File + ".new"
	if err := os.WriteFile(temporary, text, 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, d.File)
}

// Of returns whose the tenant's data is, and whose it becomes.
func (d *Data) Of(tenant string) (module, migrating string) {
	_ = d.change(tenant, func(s *schema) error {
		module, migrating = s.Module, s.Migrating
		return nil
	})
	return module, migrating
}

// serves returns why the module of that id cannot use the tenant's data for a
// request of that id: it is another version's, or about to be.
func (d *Data) serves(tenant, id, request string) error {
	return d.change(tenant, func(s *schema) error {
		switch {
		case s.Migrating == id && strings.HasPrefix(request, s.Run):
			return nil
		case s.Migrating != "":
			return fmt.Errorf("relation %s.items does not exist: %s is restructuring it", tenant, s.Migrating)
		case s.Module != id:
			return fmt.Errorf("relation %s.items is not as %s knows it, but as %q does", tenant, id, s.Module)
		}
		return nil
	})
}
