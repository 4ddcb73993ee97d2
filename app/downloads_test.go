package app

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	hf "burble/app/hub"
	"burble/app/hub/hubtest"
	"burble/app/network"
	"burble/app/remote"
	"burble/gguf"
)

// withHub starts a hub that holds a model, and has Burble ask it.
func withHub(t *testing.T) (s *hubtest.Server, model []byte) {
	t.Helper()
	t.Setenv("HF_TOKEN", "")
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere") // no keyring but the test's own file
	var b bytes.Buffer
	if err := gguf.SynthTo(&b, "tiny-llama", "Q8_0", 1); err != nil {
		t.Fatal(err)
	}
	s = hubtest.New()
	t.Cleanup(s.Close)
	t.Setenv("HF_ENDPOINT", s.Hub.URL)
	s.Put("owner/tiny-GGUF", hubtest.Repo{Gated: true, Files: map[string][]byte{"tiny-Q8_0.gguf": b.Bytes()}})
	s.Token("hf_good", true)
	return s, b.Bytes()
}

func TestDownloadThroughApp(t *testing.T) {
	s, model := withHub(t)
	dir := t.TempDir()
	a, _ := start(t, dir)
	if r := s.Requests(); len(r) != 0 {
		t.Errorf("the start connects: %+v", r)
	}
	signals, cancel := a.Subscribe()
	defer cancel()
	ended := func() hf.Download {
		t.Helper()
		for sig := range signals {
			if e, ok := sig.(DownloadEnded); ok {
				return e.Download
			}
		}
		t.Fatal("the signals have ended")
		return hf.Download{}
	}
	r, err := a.Hub.Repository(t.Context(), "owner/tiny-GGUF", "")
	if err != nil {
		t.Fatal(err)
	}
	id, err := a.Hub.Download(r, r.Models[0])
	if err != nil {
		t.Fatal(err)
	}
	if d := ended(); d.State != hf.Failed || !d.Token || a.Hub.HasToken() {
		t.Errorf("%+v", d)
	}
	if err := a.Hub.SetToken("hf_good"); err != nil || !a.Hub.HasToken() || a.Hub.TokenPlace().Keyring {
		t.Errorf("%v, %+v", err, a.Hub.TokenPlace())
	}
	part := a.Hub.Downloads()[0].Path + ".part"
	if err := os.WriteFile(part, []byte("GGUF"), 0o600); err != nil { // as a download under way has one
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(a.Models.Folder(), "other.gguf.part"), []byte("GGUF"), 0o600); err != nil {
		t.Fatal(err)
	}
	a.Models.Refresh()
	listed := func(path string) bool {
		return slices.ContainsFunc(a.Models.List(), func(f ModelFile) bool { return f.Path == path })
	}
	eventually(t, "another program's part", func() bool { return listed(filepath.Join(a.Models.Folder(), "other.gguf.part")) })
	if listed(part) {
		t.Error("a download on its way is listed as a broken model")
	}
	a.Hub.Resume(id)
	d := ended()
	if d.State != hf.Done || filepath.Dir(d.Path) != filepath.Join(a.Models.Folder(), "owner", "tiny-GGUF") {
		t.Fatalf("%+v", d)
	}
	eventually(t, "the model in the list", func() bool {
		for _, f := range a.Models.List() {
			if f.Path == d.Path && f.Supported && f.Bytes == int64(len(model)) {
				return true
			}
		}
		return false
	})
	if beside, err := a.Hub.Beside(t.Context(), r); err != nil || beside <= 0 {
		t.Errorf("%d, %v", beside, err)
	}
	if m := a.Hub.Machine(); m.RAM <= 0 {
		t.Errorf("%+v", m)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if a, _ = start(t, dir); !a.Hub.HasToken() { // after a restart
		t.Error("the token is forgotten")
	}
	if err := a.Hub.SetToken(""); err != nil || a.Hub.HasToken() {
		t.Error("the token can't be forgotten", err)
	}
	settings, err := os.ReadFile(a.Paths().Settings)
	if err == nil && strings.Contains(string(settings), "hf_good") {
		t.Error("the token is in the settings")
	}
}

// TestOfflineFeatures uses all that would connect, with the switch on and a dialler that counts.
func TestOfflineFeatures(t *testing.T) {
	s, _ := withHub(t)
	var dialled atomic.Int64
	o := folders(t.TempDir())
	o.Engine = newFake()
	o.Network = network.WithDial(true, func(context.Context, string, string) (net.Conn, error) {
		dialled.Add(1)
		return nil, errors.New("a connection was opened")
	})
	a, err := New(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if a.Network.Offline() {
		t.Error("a new user is offline")
	}
	if err := a.Settings.Update(func(v *Values) { v.Offline = true }); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if _, err := a.Hub.Search(ctx, "x"); !errors.Is(err, network.ErrOffline) {
		t.Error(err)
	}
	if _, err := a.Hub.Repository(ctx, "owner/tiny-GGUF", ""); !errors.Is(err, network.ErrOffline) {
		t.Error(err)
	}
	r := hf.Repository{Name: "owner/tiny-GGUF", Revision: hubtest.Revision}
	m := hf.Model{Name: "tiny", Parts: []hf.File{{Path: "tiny-Q8_0.gguf", Size: 1000}}}
	r.Models = []hf.Model{m}
	if _, err := a.Hub.Beside(ctx, r); !errors.Is(err, network.ErrOffline) {
		t.Error(err)
	}
	if _, err := a.Hub.Download(r, m); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the download's end", func() bool { return a.Hub.Downloads()[0].State == hf.Failed })
	if d := a.Hub.Downloads()[0]; d.Why != network.ErrOffline.Error() {
		t.Errorf("%+v", d)
	}
	server, err := a.Servers.Save(remote.Server{Name: "here", URL: s.Hub.URL}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Servers.Test(ctx, server, nil); !errors.Is(err, network.ErrOffline) {
		t.Error(err)
	}
	a.Servers.Refresh()
	a.Models.Refresh()
	a.Models.Devices()
	if n := dialled.Load(); n != 0 || len(s.Requests()) != 0 {
		t.Errorf("offline, %d connections were opened", n)
	}
}

func TestBrokenEndpoint(t *testing.T) {
	t.Setenv("HF_ENDPOINT", "not an address")
	a, _ := start(t, t.TempDir())
	if _, err := a.Hub.Search(t.Context(), "x"); err == nil || !strings.Contains(err.Error(), "HF_ENDPOINT") {
		t.Error(err)
	}
	if a.Hub.Downloads() != nil || a.Hub.Page("a/b") != "" {
		t.Error("there is a hub")
	}
}
