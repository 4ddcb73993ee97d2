package ui

import (
	"image/color"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/theme"

	"burble/app"
	"burble/app/hub"
	"burble/app/network"
	"burble/app/secret"
	"burble/ui/golden"
	"burble/ui/look"
)

// item returns the row of the list whose title or detail holds a text.
func (d *downloadDialog) item(t *testing.T, text string) hubItem {
	t.Helper()
	for _, i := range d.items {
		if strings.Contains(i.title, text) || strings.Contains(i.detail, text) {
			return i
		}
	}
	t.Fatalf("no row holds %q: %+v", text, d.items)
	return hubItem{}
}

// TestGetModel goes the way of somebody who wants a model: search, choose, download, open.
func TestGetModel(t *testing.T) {
	f := newFake()
	f.load()
	w := open(t, f, 1180, 780)
	w.openPicker()
	w.openDownload()
	d := w.download
	keep(t, w, "download-start")
	if len(f.calls) > 1 || len(d.items) != len(hub.Suggestions()) {
		t.Errorf("opening the dialog asks the hub: %v", f.calls)
	}
	test.Type(d.entry, "qwen")
	press(d.entry, fyne.KeyReturn)
	if !called(f, "search qwen") || len(d.items) != 1 || d.items[0].title != "Qwen/Qwen3-4B-GGUF" || !strings.Contains(d.items[0].detail, "12,345") {
		t.Fatalf("%v, %+v", f.calls, d.items)
	}
	d.list.OnSelected(0)
	if d.title.Text != "Qwen/Qwen3-4B-GGUF" || !strings.Contains(d.about.Text, "40,960") || !strings.Contains(d.advice.Text, "Q8_0 suits this machine") {
		t.Errorf("%q, %q, %q", d.title.Text, d.about.Text, d.advice.Text)
	}
	if i := d.item(t, "Q8_0"); !i.chosen || i.note != "Fits the GPU" || !strings.Contains(i.title, "4.3 GB") {
		t.Errorf("%+v", i)
	}
	if i := d.item(t, "BF16"); i.chosen || i.note != "Partly on the GPU" {
		t.Errorf("%+v", i)
	}
	if i := d.item(t, "F32"); !i.wrong || i.do != nil || i.detail != "Its part 2 of 2 is missing from the repository." {
		t.Errorf("%+v", i)
	}
	d.item(t, "Q8_0").do()
	drain(w, f)
	if !called(f, "download Qwen3-4B-Q8_0") || len(d.order) != 1 || !d.below.Visible() {
		t.Fatalf("%v", f.calls)
	}
	if i := d.item(t, "Q8_0"); i.button != "" {
		t.Errorf("what is on its way can be downloaded: %+v", i)
	}
	id := d.order[0]
	row := d.shown[id]
	f.hub.change(id, func(d *hub.Download) { d.Done, d.Speed, d.Left = 1_070_000_000, 43e6, 75*time.Second })
	drain(w, f)
	if s := row.detail.Text; s != "1.1 GB of 4.3 GB   ·   43.0 MB/s   ·   1 min left" || row.bar.share < 0.24 || row.bar.share > 0.26 {
		t.Errorf("%q, %v", s, row.bar.share)
	}
	keep(t, w, "download-running")
	test.Tap(row.toggle)
	drain(w, f)
	if !strings.HasPrefix(row.detail.Text, "Paused") || row.toggle.Icon != look.IconPlay {
		t.Errorf("%q", row.detail.Text)
	}
	test.Tap(row.toggle)
	drain(w, f)
	if row.toggle.Icon != look.IconPause {
		t.Error("it can't be paused again")
	}
	f.hub.change(id, func(d *hub.Download) { d.State, d.Done = hub.Done, d.Size })
	drain(w, f)
	if !row.open.Visible() || row.bar.Visible() || d.item(t, "Q8_0").note != "Downloaded" {
		t.Error("what is done can't be opened")
	}
	test.Tap(row.open)
	if !called(f, "load /models/Qwen3-4B-Q8_0.gguf") || w.download != nil {
		t.Errorf("%v", f.calls)
	}
}

// TestFirstModel wants the first model to be opened by itself once it is there.
func TestFirstModel(t *testing.T) {
	f := newFake()
	w := open(t, f, 1180, 780)
	test.Tap(w.empty.get)
	d := w.download
	for i, item := range d.items {
		if item.title == "Qwen3 4B" {
			d.list.OnSelected(i)
		}
	}
	for _, item := range d.items {
		if item.chosen {
			item.do()
		}
	}
	drain(w, f)
	f.hub.change(d.order[0], func(d *hub.Download) { d.State, d.Done = hub.Done, d.Size })
	drain(w, f)
	if !called(f, "load /models/Qwen3-4B-Q8_0.gguf") || w.download != nil {
		t.Errorf("%v", f.calls)
	}
}

// TestDownloadProblems wants words for what goes wrong, and the way out beside them.
func TestDownloadProblems(t *testing.T) {
	f := newFake()
	w := open(t, f, 1180, 780)
	w.openDownload()
	d := w.download
	f.hub.fail = network.ErrOffline
	d.entry.SetText("qwen")
	d.search()
	if !d.failure.Visible() || !strings.Contains(d.reason.Text, "ffline") || d.page.Visible() || d.token.Visible() || d.busy.Visible() {
		t.Errorf("%q", d.reason.Text)
	}
	f.hub.fail = &hub.Problem{Text: "the repository acme/Gated-GGUF is gated: open its page", Page: "https://hub.test/acme/Gated-GGUF", Token: true}
	d.entry.SetText("https://huggingface.co/acme/Gated-GGUF")
	d.search()
	if !d.failure.Visible() || !d.page.Visible() || !d.token.Visible() || d.reason.Text != "The repository acme/Gated-GGUF is gated: open its page." {
		t.Errorf("%q", d.reason.Text)
	}
	keep(t, w, "download-gated")
	f.hub.place = secret.Place{File: "/home/u/.config/burble/secrets.json", Why: "no keyring is running on this desktop"}
	test.Tap(d.token)
	keep(t, w, "download-token")
	w.setToken("hf_good", d.again)
	if f.hub.token != "hf_good" || d.failure.Visible() || d.title.Text != "acme/Gated-GGUF" {
		t.Errorf("after the token: %q", d.title.Text)
	}
	if !strings.Contains(d.advice.Text, "None of these fits this machine") || !strings.Contains(d.about.Text, "gated") || d.items[0].note != "Too large" {
		t.Errorf("%q, %q, %+v", d.advice.Text, d.about.Text, d.items)
	}
	d.items[0].do()
	drain(w, f)
	id := d.order[0]
	f.hub.change(id, func(d *hub.Download) {
		d.State, d.Why, d.Page, d.Token, d.Done = hub.Failed, "the hub does not accept your token", "https://hub.test/tokens", true, gb
	})
	drain(w, f)
	row := d.shown[id]
	if row.why.Text != "The hub does not accept your token." || !row.why.Visible() || !row.token.Visible() || !row.page.Visible() || row.toggle.Icon != look.IconPlay {
		t.Errorf("%q", row.why.Text)
	}
	keep(t, w, "download-failed")
	w.win.Resize(fyne.NewSize(420, 640))
	w.download.close()
	w.openDownload()
	keep(t, w, "download-narrow")
	w.win.Resize(fyne.NewSize(1180, 780))
	w.download.close()
	w.openDownload()
	d = w.download
	row = d.shown[id]
	test.Tap(row.remove) // a gigabyte is not thrown away without a question
	if len(f.hub.list) != 1 {
		t.Error("it was removed at once")
	}
	f.hub.change(id, func(d *hub.Download) { d.Done = 1000 })
	drain(w, f)
	test.Tap(row.remove)
	if len(f.hub.list) != 0 || len(d.order) != 0 || d.below.Visible() {
		t.Error("it was not removed")
	}
	d.goBack()
	if d.title.Text != "To begin with" {
		t.Errorf("back from a repository that was typed: %q", d.title.Text)
	}
	d.entry.SetText("nothing of that kind")
	d.search()
	if d.hint.Text == "" || len(d.items) != 0 {
		t.Error("no words for no results")
	}
	w.escape()
	if w.download != nil {
		t.Error("Escape does not close it")
	}
}

// TestDownloadInBackground wants the end of a download told where its list is not open.
func TestDownloadInBackground(t *testing.T) {
	f := newFake()
	w := open(t, f, 1180, 780)
	f.load()
	done := hub.Download{ID: 1, Name: "Qwen3-4B-Q8_0", Path: "/models/x.gguf", State: hub.Done}
	w.apply([]app.Signal{app.DownloadEnded{Download: done}})
	if !w.toast.box.Visible() || !strings.Contains(w.toast.text.Text, "Qwen3-4B-Q8_0 has been downloaded") {
		t.Errorf("%q", w.toast.text.Text)
	}
	w.apply([]app.Signal{app.DownloadEnded{Download: hub.Download{Name: "x", State: hub.Failed, Why: "the disk is full: 5 GB are needed. Make room."}}})
	if !strings.Contains(w.toast.text.Text, "The disk is full: 5 GB are needed.") {
		t.Errorf("%q", w.toast.text.Text)
	}
}

// TestDownloadRowLooks compares a row, in all its states and both themes, with pictures.
func TestDownloadRowLooks(t *testing.T) {
	for _, mode := range []look.Mode{look.Light, look.Dark} {
		a := test.NewTempApp(t)
		a.Settings().SetTheme(look.NewTheme(mode))
		box := container.NewVBox()
		d := hub.Download{Name: "Qwen3-4B-Q8_0", State: hub.Running, Stage: hub.StageLoading, Done: 1_070_000_000, Size: 4_280_000_000, Speed: 43e6, Left: 75 * time.Second}
		for _, change := range []func(*hub.Download){
			func(*hub.Download) {},
			func(d *hub.Download) { d.State = hub.Paused },
			func(d *hub.Download) { d.State, d.Done = hub.Done, d.Size },
			func(d *hub.Download) {
				d.State, d.Why, d.Page, d.Token = hub.Failed, "the repository acme/Gated-GGUF is gated: open its page, accept its terms, and add a token of the account that you did it with.", "x", true
			},
		} {
			c := d
			change(&c)
			r := newDownloadRow(downloadActions{})
			r.set(c)
			box.Add(r.box)
		}
		ground := canvas.NewRectangle(a.Settings().Theme().Color(theme.ColorNameOverlayBackground, theme.VariantLight))
		if _, _, _, alpha := ground.FillColor.RGBA(); alpha == 0 {
			ground.FillColor = color.White
		}
		w := test.NewTempWindow(t, container.NewStack(ground, box))
		w.Resize(fyne.NewSize(640, 400)) // at this width, texts know their heights
		w.Resize(fyne.NewSize(640, box.MinSize().Height+8))
		name := map[look.Mode]string{look.Light: "light", look.Dark: "dark"}[mode]
		golden.Match(t, w, "download-rows-"+name)
	}
}

// TestDownloadOfWhatIsHere wants no download offered of a file that lies in the models folder already.
func TestDownloadOfWhatIsHere(t *testing.T) {
	f := newFake()
	h := newFakeHub(f)
	names := slices.Sorted(maps.Keys(h.repos))
	repo := h.repos[names[0]]
	h.here = repo.Models[0].Name
	w := open(t, f, 1000, 700)
	w.b.Hub = h
	w.openDownload()
	d := w.download
	d.repo, d.machine, d.open = repo, h.machine, true
	d.showRepository()
	for i, m := range repo.Models {
		if here := d.items[i].note == "Downloaded" && d.items[i].button == "" && d.items[i].do == nil; here != (m.Name == h.here) {
			t.Errorf("%s: %+v", m.Name, d.items[i])
		}
	}
}
