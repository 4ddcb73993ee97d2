package app

import (
	"errors"
	"testing"

	"burble/app/network"
)

// TestOfflineSetting wants the switch in the settings to count at once, and after a restart.
func TestOfflineSetting(t *testing.T) {
	dir := t.TempDir()
	a, _ := start(t, dir)
	if a.Network.Offline() {
		t.Error("Burble starts offline")
	}
	if err := a.Settings.Update(func(v *Values) { v.Offline = true }); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Network.Client().Get("http://127.0.0.1:1/"); !errors.Is(err, network.ErrOffline) {
		t.Error(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if a, _ := start(t, dir); !a.Network.Offline() {
		t.Error("after a restart, Burble is online again")
	}
}
