package ui

import (
	"errors"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/widget"

	"burble/app"
	"burble/inference"
	"burble/ui/golden"
)

// library gives a fake files from all sides, with every badge.
func library(f *fake) {
	f.files = []app.ModelFile{
		{Path: gopher.Path, Name: gopher.Name, Architecture: "llama", Quantisation: "Q8_0", Parameters: 20_000_000, Bytes: 24_000_000, Memory: 60_000_000, Fit: app.FitGPU, Supported: true, Recent: noon},
		{Path: "/models/qwen3-4b.gguf", Name: "Qwen3 4B Instruct", Architecture: "qwen3", Quantisation: "Q4_K_M", Parameters: 4_020_000_000, Bytes: 2_497_000_000, Memory: 3_400_000_000,
			Need: inference.Prediction{Weights: 2_497_000_000, Cache: 600_000_000, Work: 303_000_000, Context: 4096}, Fit: app.FitGPU, Context: 262144, Supported: true},
		{Path: "/ollama/blobs/sha256-1", Name: "llama3.2:3b", Source: app.SourceOllama, Architecture: "llama", Quantisation: "Q4_K_M", Parameters: 3_200_000_000, Bytes: 2_000_000_000, Memory: 9_000_000_000, Fit: app.FitPartly, Supported: true},
		{Path: "/hub/gemma.gguf", Name: "Gemma 4 31B", Source: app.SourceHuggingFace, Architecture: "gemma4", Quantisation: "Q6_K", Parameters: 31_000_000_000, Bytes: 25_000_000_000, Memory: 27_000_000_000, Fit: app.FitNot, Supported: true},
		{Path: "/mine/phi.gguf", Name: "Phi 3 mini", Source: app.SourceAdded, Architecture: "phi3", Quantisation: "Q4_0", Parameters: 3_800_000_000, Bytes: 2_200_000_000, Memory: 2_900_000_000, Fit: app.FitCPU, Supported: true},
		{Path: "/models/broken.gguf", Name: "broken.gguf", Bytes: 120_000_000, Err: "The download of this file has not ended: let the program that began it finish, or delete it."},
		{Path: "/cache/guide.gguf", Name: "Built-in guide", Architecture: "qwen3", Quantisation: "Q8_0", Parameters: 12_000_000, Bytes: 12_800_000, Supported: true},
	}
}

func names(p *picker) string {
	var list []string
	for _, f := range p.shown {
		list = append(list, f.Name)
	}
	return strings.Join(list, ", ")
}

func TestPickerFiltersAndSorts(t *testing.T) {
	f := furnished()
	library(f)
	w := open(t, f, 1000, 700)
	w.openPicker()
	drain(w, f)
	p := w.picker
	for query, want := range map[string]string{
		"qwen3 4b": "Qwen3 4B Instruct", "OLLAMA": "llama3.2:3b", "q4_k_m": "Qwen3 4B Instruct, llama3.2:3b", "your folder": "Phi 3 mini", "nothing": "",
	} {
		p.search.SetText(query)
		if got := names(p); got != want {
			t.Errorf("%q leaves %q, want %q", query, got, want)
		}
		if (p.hint.Text != "") != (want == "") {
			t.Errorf("%q: the hint is %q", query, p.hint.Text)
		}
	}
	p.search.SetText("")
	p.order.SetSelectedIndex(2)
	if got := names(p); !strings.HasPrefix(got, "Gemma 4 31B, Qwen3 4B Instruct, Phi 3 mini") {
		t.Errorf("by size: %s", got)
	}
	p.order.SetSelectedIndex(1)
	if got := names(p); !strings.HasPrefix(got, "Built-in guide, Gemma") {
		t.Errorf("by name: %s", got)
	}
}

func TestPickerByKeyboard(t *testing.T) {
	f := furnished()
	library(f)
	w := open(t, f, 1000, 700)
	w.openPicker()
	drain(w, f)
	p := w.picker
	if w.win.Canvas().Focused() != p.search {
		t.Fatal("the filter has not the focus")
	}
	press(p.search, fyne.KeyUp) // stays at the first
	press(p.search, fyne.KeyDown)
	press(p.search, fyne.KeyReturn)
	if !called(f, "load /models/qwen3-4b.gguf") {
		t.Errorf("Enter loaded %v", f.calls)
	}
	press(p.search, fyne.KeyPageDown)
	press(p.search, fyne.KeyPageDown)
	if p.cursor != len(p.shown)-1 {
		t.Errorf("after two pages the cursor is at %d of %d", p.cursor, len(p.shown))
	}
	press(p.search, fyne.KeyUp) // past the file that can't be opened
	press(p.search, fyne.KeyF2)
	if p.details == nil || p.details.d.File.Name != "Built-in guide" {
		t.Fatal("F2 did not open the details")
	}
	press(p.details.search, fyne.KeyEscape)
	if p.details != nil || w.picker == nil {
		t.Error("Escape in the details closed too much, or nothing")
	}
	test.Type(p.search, "zzz")
	press(p.search, fyne.KeyReturn) // nothing to open
	press(p.search, fyne.KeyEscape)
	if w.picker != nil {
		t.Error("Escape did not close the picker")
	}
}

func TestPickerBadges(t *testing.T) {
	f := newFake()
	library(f)
	open(t, f, 400, 400) // its theme
	want := []string{"Loaded", "Fits the GPU", "Partly on the GPU", "Too large", "Fits the CPU", "", "Small, comes with Burble"}
	for i, m := range f.files {
		r := newModelRow(func(app.ModelFile) {})
		r.set(m, modelState{loaded: i == 0, guide: i == 6})
		test.NewTempWindow(t, r)
		if r.badge.Text != want[i] || r.pill.Hidden != (want[i] == "") {
			t.Errorf("%s has the badge %q, want %q", m.Name, r.badge.Text, want[i])
		}
	}
	if got, want := modelText(f.files[2]), "llama   ·   3.2B   ·   Q4_K_M   ·   2.0 GB   ·   takes 9.0 GB   ·   Ollama"; got != want {
		t.Errorf("row %q, want %q", got, want)
	}
}

func TestPickerWithoutModels(t *testing.T) {
	f := newFake()
	w := open(t, f, 1000, 700)
	w.openPicker()
	drain(w, f)
	if text := w.picker.hint.Text; !strings.Contains(text, "/home/gopher/models") || !strings.Contains(text, "Ollama") || strings.Contains(text, "Jan") {
		t.Errorf("the hint says %q", text)
	}
	w.picker.addFolder("/big/models")
	w.picker.addFolder("/big/models")
	if got := f.values.ModelsFolders; len(got) != 1 || got[0] != "/big/models" {
		t.Errorf("folders %v", got)
	}
	f.failSave = errors.New("the disk is full")
	w.picker.addFolder("/other")
	if !w.picker.failure.Visible() || !strings.Contains(w.picker.reason.Text, "disk is full") {
		t.Error("nothing is said when the folder can't be kept")
	}
}

func TestModelDetails(t *testing.T) {
	f := furnished()
	library(f)
	w := open(t, f, 1180, 780)
	w.shortcut(&desktop.CustomShortcut{KeyName: fyne.KeyO, Modifier: fyne.KeyModifierShortcutDefault})
	drain(w, f)
	p := w.picker
	p.showDetails(f.files[1])
	x := p.details
	var text strings.Builder
	for _, o := range x.facts.Objects {
		if l, ok := o.(*widget.Label); ok {
			text.WriteString(l.Text + "\n")
		}
	}
	for _, want := range []string{"apache-2.0", "3.4 GB: weights 2.5 GB, KV cache of 4,096 tokens 600 MB", "Fits the GPU. Free for a model:", "262,144 tokens", "/models/qwen3-4b.gguf"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the overview lacks %q:\n%s", want, &text)
		}
	}
	x.search.SetText("block")
	if len(x.fields) != 1 || x.fields[0].Value != "36" {
		t.Errorf("the search leaves %v", x.fields)
	}
	x.computeHash()
	if !called(f, "hash /models/qwen3-4b.gguf") {
		t.Errorf("calls %v", f.calls)
	}
	keep(t, w, "details")
	x.tabs.SelectIndex(3)
	keep(t, w, "details-tensors")
	if x.note.Visible() {
		t.Errorf("a file that can be deleted says %q", x.note.Text)
	}
	x.close()
	p.showDetails(f.files[2])
	if !strings.Contains(p.details.note.Text, "ollama rm") || !p.details.note.Visible() {
		t.Errorf("note %q", p.details.note.Text)
	}
	p.details.close()
	f.failSave = errors.New("the file ends early")
	p.showDetails(f.files[5]) // a broken file has details, too
	keep(t, w, "details-broken")
}

func TestPickerLook(t *testing.T) {
	for _, theme := range []app.Theme{app.ThemeLight, app.ThemeDark} {
		f := furnished()
		library(f)
		f.values.Theme = theme
		f.load()
		w := open(t, f, 760, 720)
		w.openPicker()
		drain(w, f)
		golden.Match(t, w.win, "picker-"+string(theme))
		keep(t, w, string(theme)+"-picker")
	}
}
