package ui

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/widget"

	"burble/app"
	"burble/app/remote"
	"burble/inference"
	"burble/ui/golden"
	"burble/ui/look"
)

// row returns the picker's row whose name holds a text.
func (p *picker) row(t *testing.T, text string) app.ModelFile {
	t.Helper()
	for _, f := range p.shown {
		if strings.Contains(f.Name, text) {
			return f
		}
	}
	t.Fatalf("no row holds %q: %+v", text, p.shown)
	return app.ModelFile{}
}

var catalog = remote.Catalog{Kind: remote.VLLM, Models: []remote.Model{{ID: "Qwen/Qwen3-32B", Context: 32768}, {ID: "google/gemma-3-27b-it"}}}

// TestAddServer goes the way of somebody who has a server: its address, its key, a test that fails and one that works, and then
// a chat with its model.
func TestAddServer(t *testing.T) {
	f := furnished()
	f.catalog = catalog
	w := open(t, f, 1180, 780)
	w.openPicker()
	if !called(f, "ask servers") {
		t.Error("opening the picker does not ask the servers")
	}
	w.addServer()
	d := w.server
	keep(t, w, "server-new")
	d.try()
	if !d.outcome.Visible() || !strings.Contains(d.result.Text, "address is empty") {
		t.Errorf("%q", d.result.Text)
	}
	d.keep()
	if w.server == nil || len(f.servers) != 0 {
		t.Error("a server without an address was kept")
	}
	test.Type(d.url, "tower:8000")
	f.unwilling = errors.New("tower wants a key (401)")
	press(d.url, fyne.KeyReturn)
	if !called(f, "test tower:8000 kept") || d.result.Text != "Tower wants a key (401)." {
		t.Errorf("%v, %q", f.calls, d.result.Text)
	}
	keep(t, w, "server-refused")
	f.unwilling = nil
	test.Type(d.key, "sk-12345")
	d.test.OnTapped()
	if !called(f, "test tower:8000 ********") || !strings.Contains(d.result.Text, "It works (vLLM). Its 2 models: Qwen/Qwen3-32B, google/gemma-3-27b-it") {
		t.Errorf("%v, %q", f.calls, d.result.Text)
	}
	d.model.SetText("Qwen/Qwen3-32B")
	test.Type(d.name, "Tower")
	keep(t, w, "server-works")
	d.save.OnTapped()
	if s := f.servers[0]; w.server != nil || s.URL != "tower:8000" || s.Name != "Tower" || s.Model != "Qwen/Qwen3-32B" || f.keys["new"] != "sk-12345" {
		t.Errorf("%+v, %v", s, f.keys)
	}
	w.picker.close()
	w.addServer() // from elsewhere: saving it leads to the list
	test.Type(w.server.url, "localhost:8080")
	w.server.keep()
	if w.picker == nil || len(f.servers) != 1 || f.servers[0].Name != "localhost" {
		t.Fatalf("%+v", f.servers)
	}
	f.servers[0].Name, f.servers[0].URL = "Tower", "tower:8000"
	fakeServers{f}.list()
	drain(w, f)
	keep(t, w, "server-picker")
	w.picker.search.SetText("tower")
	if len(w.picker.shown) != 2 {
		t.Errorf("%+v", w.picker.shown)
	}

	// A server's model is loaded like any other, also one that had failed: it may be back.
	row := w.picker.row(t, "Qwen3-32B")
	row.Err = "nothing answers at tower:8000"
	w.picker.load(row)
	if !called(f, "load remote:new/Qwen/Qwen3-32B") {
		t.Error(f.calls)
	}
	f.progress(app.LoadProgress{Path: row.Path, Stage: remote.StageConnect})
	drain(w, f)
	if got := w.header.device.Text; got != "asking the server…" {
		t.Errorf("%q", got)
	}
	served := inference.ModelInfo{Path: row.Path, Name: "Qwen3-32B", Server: "Tower", ContextSize: 32768}
	f.current, f.loading = &served, nil
	f.signals <- app.ModelLoaded{Info: served}
	drain(w, f)
	if w.header.model.Text != "Qwen3-32B" || w.header.device.Text != "on Tower" {
		t.Errorf("%q, %q", w.header.model.Text, w.header.device.Text)
	}
	keep(t, w, "server-loaded")
	w.openPicker()
	drain(w, f)
	keep(t, w, "server-picker-loaded")
}

// TestServerPictures holds the dialog to pictures, in both themes: a test that worked, and one that did not.
func TestServerPictures(t *testing.T) {
	for theme, problem := range map[app.Theme]error{app.ThemeLight: nil, app.ThemeDark: errors.New("nothing answers at tower:8000 (connection refused): is the server running, and is the port right?")} {
		f := newFake()
		f.values.Theme = theme
		f.catalog, f.unwilling = catalog, problem
		f.catalog.Warnings = []string{"The key and all you write travel to tower:8000 in the clear (http), where others on the way can read them."}
		w := open(t, f, 640, 560)
		w.root.Hide()
		w.addServer()
		w.server.url.SetText("tower:8000")
		w.server.key.SetText("sk-12345")
		w.server.try()
		golden.Match(t, w.win, "server-"+string(theme))
	}
}

// TestChangeServer changes a server, its key, and takes it away.
func TestChangeServer(t *testing.T) {
	f := furnished()
	f.catalog = catalog
	f.servers = []remote.Server{{ID: "a1", Name: "Tower", URL: "http://tower:8000", Model: "Qwen/Qwen3-32B", Keyed: true}}
	f.keys = map[string]string{"a1": "sk-1"}
	fakeServers{f}.list()
	w := open(t, f, 1180, 780)
	w.openPicker()
	drain(w, f)
	w.picker.showDetails(w.picker.row(t, "gemma"))
	d := w.server
	if d == nil || d.url.Text != "http://tower:8000" || d.name.Text != "Tower" || d.key.Text != "" || d.model.Text != "Qwen/Qwen3-32B" || !d.forgetting.Visible() {
		t.Fatalf("%+v", d)
	}
	d.try()
	if !called(f, "test http://tower:8000 kept") {
		t.Error(f.calls)
	}
	d.name.SetText("Cellar")
	d.keep()
	if f.servers[0].Name != "Cellar" || f.servers[0].ID != "a1" || f.servers[0].Model != "Qwen/Qwen3-32B" || f.keys["a1"] != "sk-1" {
		t.Errorf("%+v, %v", f.servers, f.keys)
	}
	w.openServer("a1")
	w.server.forget.OnTapped()
	w.server.model.SetText("")
	w.server.keep()
	if f.keys["a1"] != "" || f.servers[0].Model != "" {
		t.Errorf("%+v, %v", f.servers, f.keys)
	}
	w.openServer("a1")
	press(w.server.url, fyne.KeyEscape)
	if w.server != nil || w.picker == nil {
		t.Error("Escape closes the dialog alone")
	}
	w.picker.close()
	w.openSettings()
	w.settings.show(2)
	w.openServer("a1")
	w.server.remove()
	confirm(t, w, "Remove")
	if !called(f, "remove server a1") || w.server != nil || len(f.servers) != 0 {
		t.Error(f.calls)
	}
}

// confirm presses a button of the question that is asked last.
func confirm(t *testing.T, w *window, label string) {
	t.Helper()
	for _, o := range slices.Backward(w.win.Canvas().Overlays().List()) {
		for _, b := range test.LaidOutObjects(o) {
			if b, ok := b.(*widget.Button); ok && b.Text == label {
				test.Tap(b)
				return
			}
		}
	}
	t.Fatalf("there is no button %q", label)
}

// TestBrokenOff wants an answer whose server broke off to say so, and to offer what that server can do.
func TestBrokenOff(t *testing.T) {
	for reason, offer := range map[string]string{"": "Continue", "Ollama does not go on with an answer": "Retry"} {
		f := furnished()
		served := inference.ModelInfo{Name: "Qwen3-32B", Server: "Tower", NoContinue: reason}
		f.current = &served
		w := open(t, f, 1180, 780)
		w.openChat(1)
		w.send("And then?")
		drain(w, f)
		f.grow(1, "Half an", "")
		f.end(1, app.StatusInterrupted, "the answer broke off: Tower has closed the connection")
		drain(w, f)
		keep(t, w, "server-broken-off")
		var label, text string
		for _, o := range test.LaidOutObjects(w.view) {
			switch o := o.(type) {
			case *look.Button:
				if o.Visible() && (o.Text == "Continue" || o.Text == "Retry") {
					label = o.Text
				}
			}
		}
		if text = w.present(last(w), true).Error; label != offer || text != "The answer broke off: Tower has closed the connection." {
			t.Errorf("%q, %q; want %q", label, text, offer)
		}
	}
}
