package ui

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2/test"

	"burble/app"
	"burble/inference"
	"burble/ui/golden"
)

// arrive ends a load of the fake's.
func arrive(f *fake, path, name string) {
	info := gopher
	info.Path, info.Name = path, name
	f.current, f.loading = &info, nil
	f.signals <- app.ModelLoaded{Info: info}
}

// loadsOf are the loads that were asked for.
func loadsOf(f *fake) (list []string) {
	for _, c := range f.calls {
		if path, ok := strings.CutPrefix(c, "load "); ok {
			list = append(list, path)
		}
	}
	return list
}

// compared opens the comparison of a preset without a model and one that names another.
func compared(t *testing.T) (*fake, *window, *compareSheet) {
	f := furnished()
	f.load()
	f.files = []app.ModelFile{{Path: "/models/other.gguf", Name: "Other 3B", Quantisation: "Q4_K_M"}}
	f.presets = []app.Preset{{ID: 1, Name: "Plain"}, {ID: 2, Name: "Other's", Model: "/models/other.gguf"}}
	w := open(t, f, 1180, 780)
	w.openChat(1)
	choose(t, w, last(w).ID, "Compare two presets…")
	x := w.compare
	x.sides[0].choice.SetSelected("Plain")
	x.sides[1].choice.SetSelected("Other's")
	return f, w, x
}

func TestCompareModels(t *testing.T) {
	f, w, x := compared(t)
	if a, b := x.sides[0].model.Text, x.sides[1].model.Text; a != "Answered by Gopher 20M Q8_0" || b != "Answered by Other 3B Q4_K_M, which the preset names" || !strings.Contains(x.note.Text, "Gopher 20M Q8_0 is loaded again") {
		t.Errorf("it says %q, %q, %q", a, b, x.note.Text)
	}
	test.Tap(x.run)
	drain(w, f)
	if len(loadsOf(f)) != 0 || !x.sides[0].choice.Disabled() {
		t.Fatalf("the first answer needs no other model: %v", f.calls)
	}
	f.grow(1, "By Gopher.", "")
	f.end(1, app.StatusComplete, "")
	drain(w, f)
	if got := loadsOf(f); !slices.Equal(got, []string{"/models/other.gguf"}) || x.sides[1].answer != 0 {
		t.Fatalf("before the second answer: %v", f.calls)
	}
	f.progress(app.LoadProgress{Path: "/models/other.gguf", Stage: inference.StageOpen, Done: 3, Total: 4})
	drain(w, f)
	if got := x.sides[1].note.Text; got != "Loading Other 3B Q4_K_M, 75 %" {
		t.Errorf("while it loads: %q", got)
	}
	golden.Match(t, w.win, "compare-models")
	keep(t, w, "compare-models")
	arrive(f, "/models/other.gguf", "Other 3B")
	drain(w, f)
	if x.sides[1].answer == 0 || w.compare == nil {
		t.Fatal("the loaded model is not asked")
	}
	f.grow(1, "By the other.", "")
	f.end(1, app.StatusComplete, "")
	drain(w, f)
	if got := loadsOf(f); !slices.Equal(got, []string{"/models/other.gguf", gopher.Path}) || x.run.Disabled() || x.sides[0].choice.Disabled() {
		t.Fatalf("at the end: %v", f.calls)
	}
	// Once more, before the first model is back.
	test.Tap(x.run)
	drain(w, f)
	if x.loads.waiting != gopher.Path || len(loadsOf(f)) != 2 {
		t.Errorf("again: %+v, %v", x.loads, f.calls)
	}
	arrive(f, gopher.Path, gopher.Name)
	drain(w, f)
	if x.turn != 0 || x.sides[0].answer == 0 || x.loads.borrowed {
		t.Errorf("again: turn %d, %+v", x.turn, x.loads)
	}
	w.escape()
	if w.compare != nil || len(loadsOf(f)) != 2 {
		t.Errorf("closed: %v", f.calls)
	}
}

func TestCompareModelsGoesWrong(t *testing.T) {
	f, w, x := compared(t)
	x.sides[0].choice.SetSelected("Other's")
	x.sides[1].choice.SetSelected("Plain")
	test.Tap(x.run)
	drain(w, f)
	f.loading = nil
	f.signals <- app.ModelFailed{Path: "/models/other.gguf", Err: errors.New("the file is broken")}
	drain(w, f)
	if !strings.Contains(x.note.Text, "Other 3B Q4_K_M could not be loaded: the file is broken") || x.turn != 2 || x.run.Disabled() || w.picker != nil {
		t.Errorf("a load fails: %q, turn %d", x.note.Text, x.turn)
	}
	if got := loadsOf(f); len(got) != 1 || x.loads.borrowed { // the model that was loaded still is
		t.Errorf("loads %v", got)
	}
	// Closed while the other model loads: the first one comes back.
	test.Tap(x.run)
	drain(w, f)
	if strings.Contains(x.note.Text, "broken") {
		t.Errorf("the old problem is still shown: %q", x.note.Text)
	}
	w.escape()
	if got := loadsOf(f); w.compare != nil || got[len(got)-1] != gopher.Path {
		t.Errorf("closed while it loads: %v", got)
	}
	arrive(f, gopher.Path, gopher.Name)
	drain(w, f)
	// Somebody opens another model meanwhile: that is the one to stay.
	choose(t, w, last(w).ID, "Compare two presets…")
	x = w.compare
	x.sides[0].choice.SetSelected("Other's")
	x.sides[1].choice.SetSelected("Plain")
	test.Tap(x.run)
	drain(w, f)
	n := len(loadsOf(f))
	arrive(f, "/models/third.gguf", "Third 7B")
	drain(w, f)
	if !strings.Contains(x.note.Text, "Another model has been opened") || x.turn != 2 || len(loadsOf(f)) != n || x.sides[1].model.Text != "Answered by Third 7B Q8_0" {
		t.Errorf("another model: %q, %q, %v", x.note.Text, x.sides[1].model.Text, loadsOf(f))
	}
}
