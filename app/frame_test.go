package app

import (
	"os"
	"testing"
)

func TestFrame(t *testing.T) {
	a := &App{paths: Paths{Data: t.TempDir()}}
	if f := a.Frame(); f != (Frame{Sidebar: true}) {
		t.Errorf("at first: %+v", f)
	}
	want := Frame{Width: 900, Height: 700, SidebarWidth: 300, Chat: 7}
	if err := a.KeepFrame(want); err != nil {
		t.Fatal(err)
	}
	if f := a.Frame(); f != want {
		t.Errorf("got %+v, want %+v", f, want)
	}
	for text, want := range map[string]Frame{
		"{": {Sidebar: true},
		`{"Width":1e30,"Height":5,"Sidebar":true,"SidebarWidth":-3,"Chat":2}`: {Sidebar: true, Chat: 2},
		`{"Width":"wide"}`: {Sidebar: true},
	} {
		if err := os.WriteFile(a.framePath(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if f := a.Frame(); f != want {
			t.Errorf("%s: got %+v, want %+v", text, f, want)
		}
	}
}
