package ui

import (
	"context"
	"slices"
	"strings"

	"burble/app"
	"burble/app/remote"
)

// fakeServers are servers in memory, which all offer the fake's catalog.
type fakeServers struct{ *fake }

func (f fakeServers) List() []remote.Server { return slices.Clone(f.servers) }
func (f fakeServers) Refresh()              { f.call("ask servers") }

func (f fakeServers) Save(s remote.Server, key *string) (remote.Server, error) {
	u, err := remote.Address(s.URL)
	if err != nil {
		return s, err
	}
	if s.Name == "" {
		s.Name = u.Hostname()
	}
	if s.ID == "" {
		s.ID = "new"
	}
	if f.keys == nil {
		f.fake.keys = map[string]string{}
	}
	if key != nil {
		f.keys[s.ID], s.Keyed = *key, *key != ""
	}
	f.fake.servers = slices.DeleteFunc(f.servers, func(old remote.Server) bool { return old.ID == s.ID })
	f.fake.servers = append(f.servers, s)
	f.list()
	return s, nil
}

// list puts the servers' models into the list of models.
func (f fakeServers) list() {
	f.fake.files = slices.DeleteFunc(f.files, func(m app.ModelFile) bool { return m.Server != "" })
	for _, s := range f.servers {
		for _, m := range f.catalog.Models {
			f.fake.files = append(f.files, app.ModelFile{Path: remote.Ref(s.ID, m.ID), Name: m.Name(), Server: s.Name, Context: m.Context, Supported: true})
		}
	}
	f.signals <- app.ModelsChanged{}
}

func (f fakeServers) Remove(id string) error {
	f.call("remove server %s", id)
	f.fake.servers = slices.DeleteFunc(f.servers, func(s remote.Server) bool { return s.ID == id })
	delete(f.keys, id)
	f.list()
	return nil
}

func (f fakeServers) Test(_ context.Context, s remote.Server, key *string) (remote.Catalog, error) {
	used := "kept"
	if key != nil {
		used = strings.Repeat("*", len(*key))
	}
	f.call("test %s %s", s.URL, used)
	if _, err := remote.Address(s.URL); err != nil {
		return remote.Catalog{}, err
	}
	return f.catalog, f.unwilling
}
