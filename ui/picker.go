package ui

import (
	"cmp"
	"os"
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/storage"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"burble/app"
	"burble/app/remote"
	"burble/ui/look"
)

// picker is the dialog that opens a model: those that are on this machine, wherever, or any file.
type picker struct {
	w        *window
	popup    *widget.PopUp
	search   *entry
	order    *keySelect
	list     *keyList
	files    []app.ModelFile // all
	shown    []app.ModelFile // that the search leaves, in order
	cursor   int             // of shown: the row that Enter opens
	hint     *widget.Label
	room     *widget.Label
	progress *fyne.Container // while a model loads
	stage    *widget.Label
	bar      *meter
	cancel   *look.Button
	failure  *fyne.Container // why the last load failed
	reason   *widget.Label
	ground   *canvas.Rectangle
	details  *detailsDialog // while it is open
}

// openPicker opens the model picker, or brings it up to date where it is open.
func (w *window) openPicker() {
	if w.picker != nil {
		w.picker.refresh()
		return
	}
	w.b.Models.Refresh()
	w.b.Servers.Refresh()
	p := &picker{w: w}
	w.picker = p
	p.build()
	p.refresh()
	if l, ok := w.b.Models.Loading(); ok {
		p.showProgress(l)
	}
	p.popup.Show()
	w.win.Canvas().Focus(p.search)
}

func (p *picker) build() {
	title := widget.NewLabelWithStyle(lang.L("Models"), fyne.TextAlignLeading, fyne.TextStyle{Bold: true})
	title.SizeName = theme.SizeNameSubHeadingText
	shut := look.NewIconButton(look.IconClose, p.close)
	shut.OnKey = func(k *fyne.KeyEvent) { p.w.escapeKey(k) }

	p.search = newEntry(lang.L("Filter by name, architecture, quantisation or source"), p.w.shortcut)
	p.search.key = p.key
	p.search.OnChanged = func(string) { p.cursor = 0; p.filter() }
	p.order = newKeySelect(p.orders(), func(k *fyne.KeyEvent) { p.w.escapeKey(k) })
	p.order.Selected = p.orders()[0]
	p.order.OnChanged = func(string) { p.filter() }

	p.list = newKeyList(
		func() int { return len(p.shown) },
		func() fyne.CanvasObject { return newModelRow(p.showDetails) },
		func(i widget.ListItemID, o fyne.CanvasObject) {
			if i < len(p.shown) {
				f := p.shown[i]
				info, _ := p.w.b.Models.Current()
				o.(*modelRow).set(f, modelState{loaded: f.Path == info.Path, guide: f.Path == p.w.b.Models.Guide(), cursor: i == p.cursor})
			}
		},
		p.key,
	)
	p.list.OnSelected = func(i widget.ListItemID) {
		p.list.UnselectAll()
		if i < len(p.shown) {
			p.cursor = i
			p.load(p.shown[i])
		}
	}
	p.hint = widget.NewLabel("")
	p.hint.Wrapping, p.hint.Alignment, p.hint.Importance = fyne.TextWrapWord, fyne.TextAlignCenter, widget.LowImportance

	p.stage = widget.NewLabel("")
	p.stage.Truncation = fyne.TextTruncateEllipsis
	p.bar = newMeter()
	p.cancel = look.NewButton(look.Icon{}, lang.L("Cancel"), look.Soft, p.w.b.Models.CancelLoad)
	p.progress = container.NewBorder(nil, nil, nil, container.NewCenter(p.cancel),
		container.New(layout.NewCustomPaddedVBoxLayout(0), p.stage, container.New(layout.NewCustomPaddedLayout(0, 10, 9, 14), p.bar)))
	p.progress.Hide()

	p.ground = canvas.NewRectangle(look.Color(look.ColorErrorSoft))
	p.ground.CornerRadius = look.Radius
	p.reason = widget.NewLabel("")
	p.reason.Wrapping = fyne.TextWrapWord
	icon := canvas.NewImageFromResource(look.IconWarning.In(theme.ColorNameError))
	icon.FillMode = canvas.ImageFillContain
	icon.SetMinSize(fyne.NewSquareSize(18))
	p.failure = container.NewStack(p.ground, container.New(layout.NewCustomPaddedLayout(4, 4, 14, 8),
		container.NewBorder(nil, nil, container.NewCenter(icon), nil, p.reason)))
	p.failure.Hide()

	p.room = widget.NewLabel("")
	p.room.Importance, p.room.Truncation, p.room.SizeName = widget.LowImportance, fyne.TextTruncateEllipsis, theme.SizeNameCaptionText
	open := look.NewButton(look.IconFolder, lang.L("Open a file…"), look.Primary, p.chooseFile)
	add := look.NewButton(look.Icon{}, lang.L("Add a folder…"), look.Soft, p.chooseFolder)
	server := look.NewButton(look.IconServer, lang.L("Add a server…"), look.Soft, p.w.addServer)
	get := look.NewButton(look.IconDownload, lang.L("Get models…"), look.Soft, p.w.openDownload)
	if p.w.win.Canvas().Size().Width < narrowSettings {
		get.Text, server.Text = "", ""
	}

	find := container.NewBorder(nil, nil, nil, p.order, p.search)
	top := container.NewVBox(container.NewBorder(nil, nil, nil, shut, title), find, p.failure, p.progress)
	bottom := container.New(layout.NewCustomPaddedLayout(8, 0, 0, 0), container.NewVBox(p.room, container.NewHBox(get, server, layout.NewSpacer(), add, open)))
	content := container.NewBorder(top, bottom, nil, nil, container.NewStack(p.list, container.NewCenter(container.New(fixedWidth(460), p.hint))))
	p.popup = widget.NewModalPopUp(container.New(layout.NewCustomPaddedLayout(8, 10, 12, 12), content), p.w.win.Canvas())
	size := p.w.win.Canvas().Size()
	p.popup.Resize(fyne.NewSize(min(size.Width-32, 760), min(size.Height-32, 600)))
}

// orders are the ways the list can be sorted.
func (p *picker) orders() []string {
	return []string{lang.L("Last used"), lang.L("Name"), lang.L("Size")}
}

// key moves through the list while the search has the focus, and opens what it has come to.
func (p *picker) key(k *fyne.KeyEvent) bool {
	page := max(int(p.list.Size().Height/64), 1)
	to := p.cursor
	switch k.Name {
	case fyne.KeyUp:
		to--
	case fyne.KeyDown:
		to++
	case fyne.KeyPageUp:
		to -= page
	case fyne.KeyPageDown:
		to += page
	case fyne.KeyReturn, fyne.KeyEnter:
		if p.cursor < len(p.shown) {
			p.load(p.shown[p.cursor])
		}
		return true
	case fyne.KeyF2:
		if p.cursor < len(p.shown) {
			p.showDetails(p.shown[p.cursor])
		}
		return true
	default:
		return p.w.escapeKey(k)
	}
	p.cursor = min(max(to, 0), max(len(p.shown)-1, 0))
	if len(p.shown) > 0 {
		p.list.ScrollTo(p.cursor)
	}
	p.list.Refresh()
	return true
}

// refresh reads the list of files.
func (p *picker) refresh() {
	p.files = p.w.b.Models.List()
	p.room.SetText(roomText(p.w.b.Models.Room()))
	p.filter()
}

// roomText says what is free.
func roomText(r app.Room) string {
	switch {
	case r.Machine <= 0:
		return ""
	case r.GPU > 0:
		return lang.L("Free for a model: {{.GPU}} on the GPU, {{.Machine}} in the machine's memory", map[string]any{"GPU": bytesText(r.GPU), "Machine": bytesText(r.Machine)})
	}
	return lang.L("Free for a model: {{.Machine}} of the machine's memory", map[string]any{"Machine": bytesText(r.Machine)})
}

// filter shows the files that the search leaves, sorted. Every word has to be somewhere.
func (p *picker) filter() {
	words := strings.Fields(strings.ToLower(p.search.Text))
	p.shown = p.shown[:0]
	for _, f := range p.files {
		text := strings.ToLower(strings.Join([]string{f.Name, f.Architecture, f.Quantisation, sourceText(f.Source), f.Server, f.Path}, " "))
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) }) {
			p.shown = append(p.shown, f)
		}
	}
	switch p.order.SelectedIndex() {
	case 1:
		slices.SortStableFunc(p.shown, func(a, b app.ModelFile) int { return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	case 2:
		slices.SortStableFunc(p.shown, func(a, b app.ModelFile) int { return cmp.Compare(b.Bytes, a.Bytes) })
	}
	slices.SortStableFunc(p.shown, func(a, b app.ModelFile) int { return cmp.Compare(unusable(a), unusable(b)) })
	p.cursor = min(p.cursor, max(len(p.shown)-1, 0))
	switch {
	case len(p.files) == 0:
		p.hint.SetText(p.nothing())
	case len(p.shown) == 0:
		p.hint.SetText(lang.L("No model matches the filter."))
	default:
		p.hint.SetText("")
	}
	p.list.Refresh()
}

// unusable is 1 for a file that can't be opened: it comes last, however the list is sorted.
func unusable(f app.ModelFile) int {
	if f.Err != "" && f.Server == "" {
		return 1
	}
	return 0
}

// nothing says where models were looked for, where there are none.
func (p *picker) nothing() string {
	home, _ := os.UserHomeDir() // without one, paths are shown in full
	var looked []string
	for _, place := range p.w.b.Models.Places() {
		if place.There && place.Source != "" && !slices.Contains(looked, sourceText(place.Source)) {
			looked = append(looked, sourceText(place.Source))
		}
	}
	text := lang.L("No models yet. Put GGUF files into {{.Folder}}, drop one onto this window, open a file, or get one from Hugging Face.", map[string]any{"Folder": homeText(p.w.b.Models.Folder(), home)})
	if len(looked) > 0 {
		text += "\n\n" + lang.L("Also looked at, without finding any: {{.Places}}.", map[string]any{"Places": strings.Join(looked, ", ")})
	}
	return text
}

// showDetails opens what there is to know of a file.
func (p *picker) showDetails(f app.ModelFile) {
	if id, _, served := remote.ParseRef(f.Path); served {
		p.w.openServer(id)
		return
	}
	p.details = newDetails(p, f)
}

// load loads a model that was clicked.
func (p *picker) load(f app.ModelFile) {
	if f.Err != "" && f.Server == "" { // a server may have come back
		p.loadEnded(errorText(lang.L("{{.Name}} can't be opened: {{.Reason}}", map[string]any{"Name": f.Name, "Reason": problemText(f)})))
		return
	}
	p.failure.Hide()
	p.w.b.Models.Load(f.Path)
}

// chooseFolder asks for a folder that is to be looked through as well.
func (p *picker) chooseFolder() {
	d := dialog.NewFolderOpen(func(dir fyne.ListableURI, err error) {
		if err != nil {
			p.loadEnded(err)
			return
		}
		if dir != nil {
			p.addFolder(dir.Path())
		}
	}, p.w.win)
	d.SetTitleText(lang.L("Look for models in"))
	p.w.showFileDialog(d)
}

// addFolder adds a folder to the settings.
func (p *picker) addFolder(path string) {
	err := p.w.b.Settings.Update(func(v *app.Values) {
		if !slices.Contains(v.ModelsFolders, path) {
			v.ModelsFolders = append(v.ModelsFolders, path)
		}
	})
	if err != nil {
		p.loadEnded(err)
		return
	}
	p.w.b.Models.Refresh()
}

// errorText is an error of a sentence alone.
type errorText string

func (e errorText) Error() string { return string(e) }

// showProgress shows a load on its way.
func (p *picker) showProgress(l app.LoadProgress) {
	p.failure.Hide()
	name := l.Path
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	p.stage.SetText(name + ": " + progressText(l))
	p.bar.set(loadShare(l))
	if !p.progress.Visible() {
		p.progress.Show()
		p.popup.Content.Refresh()
	}
}

// loadEnded shows why a load failed, or with nil that it was cancelled.
func (p *picker) loadEnded(err error) {
	p.progress.Hide()
	if err != nil {
		p.reason.SetText(sentence(err.Error()))
		p.failure.Show()
	}
	p.popup.Content.Refresh()
	p.list.Refresh()
}

// chooseFile asks for a file.
func (p *picker) chooseFile() {
	d := dialog.NewFileOpen(func(r fyne.URIReadCloser, err error) {
		if err != nil {
			p.loadEnded(err)
			return
		}
		if r == nil {
			return // nothing was chosen
		}
		path := r.URI().Path()
		if err := r.Close(); err != nil {
			p.loadEnded(err)
			return
		}
		p.w.b.Models.Load(path)
	}, p.w.win)
	d.SetTitleText(lang.L("Open a model"))
	d.SetFilter(storage.NewExtensionFileFilter([]string{".gguf", ".GGUF"}))
	if dir, err := storage.ListerForURI(storage.NewFileURI(p.w.b.Models.Folder())); err == nil {
		d.SetLocation(dir)
	}
	p.w.showFileDialog(d)
}

func (p *picker) close() {
	if p.details != nil {
		p.details.close()
	}
	p.popup.Hide()
	p.w.picker = nil
	p.w.focusComposer()
}

// meter is a slim progress bar.
type meter struct {
	widget.BaseWidget
	share float32
}

func newMeter() *meter {
	m := &meter{}
	m.ExtendBaseWidget(m)
	return m
}

func (m *meter) set(share float32) {
	if m.share != share {
		m.share = share
		m.Refresh()
	}
}

// CreateRenderer is Fyne's.
func (m *meter) CreateRenderer() fyne.WidgetRenderer {
	r := &meterRenderer{m, canvas.NewRectangle(nil), canvas.NewRectangle(nil)}
	r.track.CornerRadius, r.fill.CornerRadius = 3, 3
	r.Refresh()
	return r
}

type meterRenderer struct {
	m           *meter
	track, fill *canvas.Rectangle
}

func (r *meterRenderer) Destroy()                     {}
func (r *meterRenderer) MinSize() fyne.Size           { return fyne.NewSize(40, 6) }
func (r *meterRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.track, r.fill} }

func (r *meterRenderer) Layout(s fyne.Size) {
	r.track.Resize(s)
	r.fill.Resize(fyne.NewSize(s.Width*r.m.share, s.Height))
}

func (r *meterRenderer) Refresh() {
	r.track.FillColor, r.fill.FillColor = look.Color(look.ColorBorder), look.Color(theme.ColorNamePrimary)
	r.Layout(r.m.Size())
	r.track.Refresh()
	r.fill.Refresh()
}
