package ui

import (
	"cmp"
	"path/filepath"
	"strings"

	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/widget"

	"burble/app"
	"burble/inference"
)

// Presets may name models of their own, and one model is loaded at a time. So a comparison loads what a preset wants in place of
// what is loaded, and that again at its end, however it ends.

// compareLoads are the models that a comparison loads.
type compareLoads struct {
	original string // path of the model that was loaded when the comparison began; empty: none was
	name     string // its name
	waiting  string // path of the model whose answer is waited for
	borrowed bool   // another model has been loaded in place of the original, which has not come back
}

// begin notes what is loaded.
func (x *compareSheet) begin() {
	if x.loads.borrowed { // what was borrowed for the comparison before has not been given back yet
		return
	}
	info, _ := x.w.b.Models.Current()
	x.loads = compareLoads{original: info.Path, name: nameWith(info.Title(), info.Quantisation)}
}

// fetch loads the model that a preset wants, and reports whether it has to be waited for.
func (x *compareSheet) fetch(preset app.Preset) bool {
	path := cmp.Or(preset.Model, x.loads.original)
	info, loaded := x.w.b.Models.Current()
	p, loading := x.w.b.Models.Loading()
	if path == "" || loaded && !loading && info.Path == path {
		return false
	}
	x.loads.waiting, x.loads.borrowed = path, true
	x.sides[x.turn].note.SetText(lang.L("Loading {{.Model}}…", map[string]any{"Model": x.nameOf(path)}))
	if !loading || p.Path != path {
		x.w.b.Models.Load(path)
	}
	return true
}

// giveBack loads the model again that was loaded when the comparison began.
func (x *compareSheet) giveBack() {
	l := &x.loads
	l.waiting = ""
	if !l.borrowed || l.original == "" {
		return
	}
	p, loading := x.w.b.Models.Loading()
	info, loaded := x.w.b.Models.Current()
	switch {
	case loading && p.Path == l.original: // it is on its way
	case loaded && !loading && info.Path == l.original:
		l.borrowed = false
	default:
		x.w.b.Models.Load(l.original)
	}
}

// progress shows how far the model is that is waited for.
func (x *compareSheet) progress(p app.LoadProgress) {
	if x.turn > 1 || p.Path != x.loads.waiting {
		return
	}
	text := lang.L("Loading {{.Model}}…", map[string]any{"Model": x.nameOf(p.Path)})
	if p.Total > 0 {
		text = lang.L("Loading {{.Model}}, {{.Percent}} %", map[string]any{"Model": x.nameOf(p.Path), "Percent": 100 * p.Done / p.Total})
	}
	x.sides[x.turn].note.SetText(text)
}

// loaded goes on where a model was waited for.
func (x *compareSheet) loaded(info inference.ModelInfo) {
	l := &x.loads
	switch {
	case l.waiting != "" && info.Path == l.waiting:
		l.waiting, l.borrowed = "", info.Path != l.original
		x.ask()
	case info.Path == l.original:
		l.borrowed = false
	default: // somebody has opened it
		waited := l.waiting != ""
		*l = compareLoads{original: info.Path, name: nameWith(info.Title(), info.Quantisation)}
		if waited {
			x.stop(lang.L("Another model has been opened meanwhile."))
			return
		}
	}
	if x.turn > 1 {
		x.showModels()
	}
}

// failed ends the comparison where the model that is waited for can't be loaded, and reports whether it was that.
func (x *compareSheet) failed(s app.ModelFailed) bool {
	if x.turn > 1 || s.Path != x.loads.waiting {
		return false
	}
	x.sides[x.turn].note.SetText("")
	x.stop(lang.L("{{.Name}} could not be loaded: {{.Reason}}", map[string]any{"Name": x.nameOf(s.Path), "Reason": s.Err}))
	return true
}

// nameOf is the name of the model at a path, with its quantisation: there may be several of one model.
func (x *compareSheet) nameOf(path string) string {
	if info, loaded := x.w.b.Models.Current(); loaded && info.Path == path {
		return nameWith(info.Title(), info.Quantisation)
	}
	if path == x.loads.original && x.loads.name != "" {
		return x.loads.name
	}
	for _, m := range x.w.b.Models.List() {
		if m.Path == path {
			return nameWith(m.Name, m.Quantisation)
		}
	}
	return filepath.Base(path)
}

func nameWith(name, quantisation string) string { return strings.TrimSpace(name + " " + quantisation) }

// showModels says which model answers on each side, and what that means.
func (x *compareSheet) showModels() {
	if x.note == nil || x.turn < 2 { // it is being made, or says more than this
		return
	}
	info, loaded := x.w.b.Models.Current()
	own, name := info.Path, nameWith(info.Title(), info.Quantisation)
	if x.loads.borrowed {
		own, name = x.loads.original, x.loads.name
	}
	other := false
	for _, s := range x.sides {
		path := cmp.Or(x.preset(s).Model, own)
		switch {
		case path == "":
			s.model.SetText(lang.L("No model is loaded."))
		case path == own:
			s.model.SetText(lang.L("Answered by {{.Model}}", map[string]any{"Model": x.nameOf(path)}))
		default:
			other = true
			s.model.SetText(lang.L("Answered by {{.Model}}, which the preset names", map[string]any{"Model": x.nameOf(path)}))
		}
	}
	text := lang.L("Both answers are kept as versions: ‹ and › go through them.")
	if other && (loaded || x.loads.borrowed) {
		text = lang.L("One model answers after the other. {{.Model}} is loaded again at the end.", map[string]any{"Model": name})
	}
	x.note.Importance = widget.LowImportance
	x.note.SetText(text)
}
