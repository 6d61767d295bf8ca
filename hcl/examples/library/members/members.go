package main

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"

	"github.com/modgate/modgate/hcl/examples/library/journal"
	"github.com/modgate/modgate/hcl/examples/library/modgate"
	"github.com/modgate/modgate/hcl/examples/library/reply"
)

// Member may borrow books.
type Member struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Members keeps all members in memory, and in members.jsonl.
type Members struct {
	instance *modgate.Instance
	fence    *modgate.Fence
	journal  *journal.Journal[Member] // written behind fence

	mu   sync.RWMutex
	all  []Member       // guarded by mu
	byID map[string]int // guarded by mu; index into all
}

// OpenMembers opens the data in folder, which the instance owns from now on.
func OpenMembers(ctx context.Context, folder string, in *modgate.Instance) (*Members, error) {
	fence, err := modgate.NewFence(folder)
	if err != nil {
		return nil, err
	}
	m := &Members{instance: in, fence: fence, byID: map[string]int{}}
	err = in.Write(ctx, m.fence, func() error {
		j, all, err := journal.Open[Member](filepath.Join(folder, "members.jsonl"))
		if err != nil {
			return err
		}
		m.journal = j
		for _, member := range all {
			m.keep(member)
		}
		if len(all) > 0 {
			return nil
		}
		for _, name := range []string{"Ada Lovelace", "Alan Turing", "Grace Hopper"} {
			if _, err := m.append(name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

// append stores a new member; the fence is held.
func (m *Members) append(name string) (Member, error) {
	member := Member{ID: fmt.Sprintf("m%d", len(m.list())+1), Name: name}
	if err := m.journal.Append(member); err != nil {
		return Member{}, err
	}
	m.keep(member)
	return member, nil
}

func (m *Members) keep(member Member) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.byID[member.ID] = len(m.all)
	m.all = append(m.all, member)
}

// list returns all members; what it returns does not change.
func (m *Members) list() []Member {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.all[:len(m.all):len(m.all)]
}

func (m *Members) member(id string) (Member, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	i, ok := m.byID[id]
	if !ok {
		return Member{}, false
	}
	return m.all[i], true
}

// Handler serves members.
func (m *Members) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /members", func(w http.ResponseWriter, _ *http.Request) {
		reply.JSON(w, http.StatusOK, map[string]any{"members": m.list()})
	})
	mux.HandleFunc("GET /members/{id}", m.get)
	mux.HandleFunc("POST /members", m.post)
	return mux
}

func (m *Members) get(w http.ResponseWriter, r *http.Request) {
	member, ok := m.member(r.PathValue("id"))
	if !ok {
		reply.Text(w, http.StatusNotFound, "There is no such member")
		return
	}
	reply.JSON(w, http.StatusOK, member)
}

func (m *Members) post(w http.ResponseWriter, r *http.Request) {
	var member Member
	if !reply.Read(w, r, &member) {
		return
	}
	if member.Name == "" {
		reply.Text(w, http.StatusBadRequest, "want a name")
		return
	}
	err := m.instance.Write(r.Context(), m.fence, func() (err error) {
		member, err = m.append(member.Name)
		return err
	})
	if err != nil {
		reply.Error(w, err)
		return
	}
	reply.JSON(w, http.StatusCreated, member)
}
