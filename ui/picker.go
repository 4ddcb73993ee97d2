package ui

import (
	"os"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/storage"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"burble/app"
	"burble/ui/look"
)

// picker is the dialog that opens a model: those in the models folder and those used lately, or any file.
type picker struct {
	w        *window
	popup    *widget.PopUp
	list     *keyList
	files    []app.ModelFile
	hint     *widget.Label
	folder   *widget.Label
	progress *fyne.Container // while a model loads
	stage    *widget.Label
	bar      *meter
	cancel   *look.Button
	failure  *fyne.Container // why the last load failed
	reason   *widget.Label
	ground   *canvas.Rectangle
}

// openPicker opens the model picker, or brings it up to date where it is open.
func (w *window) openPicker() {
	if w.picker != nil {
		w.picker.refresh()
		return
	}
	w.b.Models.Refresh()
	p := &picker{w: w}
	w.picker = p
	p.build()
	p.refresh()
	if l, ok := w.b.Models.Loading(); ok {
		p.showProgress(l)
	}
	p.popup.Show()
	w.win.Canvas().Focus(p.list)
}

func (p *picker) build() {
	title := widget.NewLabelWithStyle(lang.L("Models"), fyne.TextAlignLeading, fyne.TextStyle{Bold: true})
	title.SizeName = theme.SizeNameSubHeadingText
	shut := look.NewIconButton(look.IconClose, p.close)

	p.list = newKeyList(
		func() int { return len(p.files) },
		func() fyne.CanvasObject { return newModelRow() },
		func(i widget.ListItemID, o fyne.CanvasObject) {
			if i < len(p.files) {
				info, _ := p.w.b.Models.Current()
				o.(*modelRow).set(p.files[i], p.files[i].Path == info.Path)
			}
		},
		p.w.escapeKey,
	)
	p.list.OnSelected = func(i widget.ListItemID) {
		p.list.UnselectAll()
		if i < len(p.files) {
			p.load(p.files[i])
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

	p.folder = widget.NewLabel("")
	p.folder.Importance, p.folder.Truncation = widget.LowImportance, fyne.TextTruncateEllipsis
	open := look.NewButton(look.IconFolder, lang.L("Open a file…"), look.Primary, p.chooseFile)

	top := container.NewVBox(container.NewBorder(nil, nil, nil, shut, title), p.failure, p.progress)
	bottom := container.New(layout.NewCustomPaddedLayout(8, 0, 0, 0), container.NewBorder(nil, nil, nil, open, p.folder))
	content := container.NewBorder(top, bottom, nil, nil, container.NewStack(p.list, container.NewCenter(container.New(fixedWidth(400), p.hint))))
	p.popup = widget.NewModalPopUp(container.New(layout.NewCustomPaddedLayout(8, 10, 12, 12), content), p.w.win.Canvas())
	size := p.w.win.Canvas().Size()
	p.popup.Resize(fyne.NewSize(min(size.Width-32, 720), min(size.Height-32, 560)))
}

// refresh reads the list of files.
func (p *picker) refresh() {
	p.files = p.w.b.Models.List()
	home, _ := os.UserHomeDir() // without one, paths are shown in full
	folder := homeText(p.w.b.Models.Folder(), home)
	p.folder.SetText(lang.L("Models folder: {{.Folder}}", map[string]any{"Folder": folder}))
	p.hint.SetText("")
	if len(p.files) == 0 {
		p.hint.SetText(lang.L("No models yet. Put GGUF files into {{.Folder}}, drop one onto this window, or open a file.", map[string]any{"Folder": folder}))
	}
	p.list.Refresh()
}

// load loads a model that was clicked.
func (p *picker) load(f app.ModelFile) {
	if f.Err != "" {
		p.loadEnded(errorText(lang.L("{{.Name}} can't be opened: {{.Reason}}", map[string]any{"Name": f.Name, "Reason": f.Err})))
		return
	}
	p.failure.Hide()
	p.w.b.Models.Load(f.Path)
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
	size := p.w.win.Canvas().Size()
	d.Resize(fyne.NewSize(min(size.Width-40, 900), min(size.Height-40, 620)))
	d.Show()
}

func (p *picker) close() {
	p.popup.Hide()
	p.w.picker = nil
	p.w.focusComposer()
}

// modelRow is one file of the list.
type modelRow struct {
	widget.BaseWidget
	file    app.ModelFile
	current bool
	hovered bool
	ground  *canvas.Rectangle
	icon    *canvas.Image
	name    *widget.Label
	detail  *widget.Label
	badge   *canvas.Text
}

func newModelRow() *modelRow {
	r := &modelRow{ground: canvas.NewRectangle(nil), icon: canvas.NewImageFromResource(nil), name: widget.NewLabel(""), detail: widget.NewLabel(""), badge: canvas.NewText("", nil)}
	r.ground.CornerRadius = look.Radius
	r.icon.FillMode = canvas.ImageFillContain
	r.name.TextStyle, r.name.Truncation = fyne.TextStyle{Bold: true}, fyne.TextTruncateEllipsis
	r.detail.Truncation, r.detail.SizeName = fyne.TextTruncateEllipsis, theme.SizeNameCaptionText
	r.badge.TextSize = 12
	r.ExtendBaseWidget(r)
	return r
}

func (r *modelRow) set(f app.ModelFile, current bool) {
	r.file, r.current = f, current
	r.name.SetText(f.Name)
	r.detail.SetText(modelText(f))
	r.detail.Importance = widget.LowImportance
	if f.Err != "" {
		r.detail.Importance = widget.DangerImportance
	}
	r.Refresh()
}

// modelText describes a file in a line: architecture, parameters, quantisation, size, context; or what is wrong with it.
func modelText(f app.ModelFile) string {
	if f.Err != "" {
		return f.Err
	}
	var parts []string
	for _, p := range []string{f.Architecture, parametersText(f.Parameters), f.Quantisation, bytesText(f.Bytes)} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	if f.Context > 0 {
		parts = append(parts, lang.L("{{.Count}} tokens of context", map[string]any{"Count": countText(f.Context)}))
	}
	if f.Memory > 0 {
		parts = append(parts, lang.L("takes {{.Size}}", map[string]any{"Size": bytesText(f.Memory)}))
	}
	return strings.Join(parts, "   ·   ")
}

// MouseIn lights the row up.
func (r *modelRow) MouseIn(*desktop.MouseEvent) { r.hovered = true; r.Refresh() }

// MouseMoved does nothing.
func (r *modelRow) MouseMoved(*desktop.MouseEvent) {}

// MouseOut puts the light out.
func (r *modelRow) MouseOut() { r.hovered = false; r.Refresh() }

// Cursor shows a hand.
func (r *modelRow) Cursor() desktop.Cursor { return desktop.PointerCursor }

// CreateRenderer is Fyne's.
func (r *modelRow) CreateRenderer() fyne.WidgetRenderer { return &modelRowRenderer{r} }

type modelRowRenderer struct{ r *modelRow }

func (w *modelRowRenderer) Destroy()           {}
func (w *modelRowRenderer) MinSize() fyne.Size { return fyne.NewSize(240, 60) }
func (w *modelRowRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{w.r.ground, w.r.icon, w.r.name, w.r.detail, w.r.badge}
}

func (w *modelRowRenderer) Layout(size fyne.Size) {
	r := w.r
	r.ground.Move(fyne.NewPos(2, 2))
	r.ground.Resize(size.SubtractWidthHeight(4, 4))
	r.icon.Resize(fyne.NewSquareSize(22))
	r.icon.Move(fyne.NewPos(16, (size.Height-22)/2))
	b := r.badge.MinSize()
	r.badge.Resize(b)
	r.badge.Move(fyne.NewPos(size.Width-b.Width-18, (size.Height-b.Height)/2))
	room := size.Width - 48 - 16
	if r.current {
		room -= b.Width + 12
	}
	n, d := r.name.MinSize().Height, r.detail.MinSize().Height
	top := (size.Height - (n + d - 14)) / 2
	r.name.Resize(fyne.NewSize(room, n))
	r.name.Move(fyne.NewPos(44, top))
	r.detail.Resize(fyne.NewSize(room, d))
	r.detail.Move(fyne.NewPos(44, top+n-14))
}

func (w *modelRowRenderer) Refresh() {
	r := w.r
	switch {
	case r.current:
		r.ground.FillColor = look.Color(look.ColorSelected)
	case r.hovered:
		r.ground.FillColor = look.Color(theme.ColorNameHover)
	default:
		r.ground.FillColor = look.Color(theme.ColorNameOverlayBackground)
	}
	r.icon.Resource = look.IconModel.In(look.ColorMuted)
	if r.file.Err != "" {
		r.icon.Resource = look.IconWarning.In(theme.ColorNameError)
	}
	r.badge.Text, r.badge.Color = "", look.Color(theme.ColorNamePrimary)
	if r.current {
		r.badge.Text = lang.L("Loaded")
	}
	w.Layout(r.Size())
	for _, o := range w.Objects() {
		o.Refresh()
	}
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
