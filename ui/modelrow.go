package ui

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"burble/app"
	"burble/app/remote"
	"burble/ui/look"
)

// modelRow is one file of the picker's list: what it is in two lines, a badge that says where it fits, and the way to its details.
type modelRow struct {
	widget.BaseWidget
	file    app.ModelFile
	state   modelState
	hovered bool
	ground  *canvas.Rectangle
	icon    *canvas.Image
	name    *widget.Label
	detail  *widget.Label
	pill    *canvas.Rectangle
	badge   *canvas.Text
	info    *look.Button
}

// modelState is what a row shows besides its file.
type modelState struct {
	loaded bool
	guide  bool // it is the built-in guide
	cursor bool // the keyboard is at this row
}

func newModelRow(details func(app.ModelFile)) *modelRow {
	r := &modelRow{ground: canvas.NewRectangle(nil), icon: canvas.NewImageFromResource(nil), name: widget.NewLabel(""), detail: widget.NewLabel(""),
		pill: canvas.NewRectangle(nil), badge: canvas.NewText("", nil)}
	r.info = look.NewIconButton(look.IconMore, func() { details(r.file) })
	r.ground.CornerRadius, r.pill.CornerRadius = look.Radius, 9
	r.icon.FillMode = canvas.ImageFillContain
	r.name.TextStyle, r.name.Truncation = fyne.TextStyle{Bold: true}, fyne.TextTruncateEllipsis
	r.detail.Truncation, r.detail.SizeName = fyne.TextTruncateEllipsis, theme.SizeNameCaptionText
	r.badge.TextSize, r.badge.Alignment = 11.5, fyne.TextAlignCenter
	r.ExtendBaseWidget(r)
	return r
}

func (r *modelRow) set(f app.ModelFile, state modelState) {
	r.file, r.state = f, state
	r.name.SetText(f.Name)
	text := modelText(f)
	if f.Server != "" && state.loaded && f.Err == "" { // else the badge says so
		text = strings.TrimSuffix(lang.L("on {{.Server}}", map[string]any{"Server": f.Server})+"   ·   "+text, "   ·   ")
	}
	r.detail.SetText(text)
	r.detail.Importance = widget.LowImportance
	if f.Err != "" {
		r.detail.Importance = widget.DangerImportance
	}
	r.Refresh()
}

// modelText describes a file in a line: architecture, parameters, quantisation, size, memory, and whose it is; or what is wrong with it.
func modelText(f app.ModelFile) string {
	if f.Err != "" {
		return problemText(f)
	}
	var parts []string
	size := bytesText(f.Bytes)
	if f.Server != "" {
		if size = ""; f.Context > 0 {
			size = lang.L("{{.Count}} tokens of context", map[string]any{"Count": countText(f.Context)})
		}
	}
	for _, p := range []string{f.Architecture, parametersText(f.Parameters), f.Quantisation, size} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	if _, id, served := remote.ParseRef(f.Path); served && id != f.Name && len(parts) < 2 {
		parts = append(parts, id)
	}
	if f.Memory > 0 {
		parts = append(parts, lang.L("takes {{.Size}}", map[string]any{"Size": bytesText(f.Memory)}))
	}
	if f.Source != "" {
		parts = append(parts, sourceText(f.Source))
	}
	return strings.Join(parts, "   ·   ")
}

// sourceText names the program that keeps a file.
func sourceText(source string) string {
	if source == app.SourceAdded {
		return lang.L("your folder")
	}
	return source
}

// fitText says where a model fits, and in which colours.
func fitText(f app.Fit) (text string, ink fyne.ThemeColorName) {
	switch f {
	case app.FitGPU:
		return lang.L("Fits the GPU"), theme.ColorNameSuccess
	case app.FitPartly:
		return lang.L("Partly on the GPU"), theme.ColorNameWarning
	case app.FitCPU:
		return lang.L("Fits the CPU"), look.ColorMuted
	case app.FitNot:
		return lang.L("Too large"), theme.ColorNameError
	}
	return "", look.ColorMuted
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
	return []fyne.CanvasObject{w.r.ground, w.r.icon, w.r.name, w.r.detail, w.r.pill, w.r.badge, w.r.info}
}

func (w *modelRowRenderer) Layout(size fyne.Size) {
	r := w.r
	r.ground.Move(fyne.NewPos(2, 2))
	r.ground.Resize(size.SubtractWidthHeight(4, 4))
	r.icon.Resize(fyne.NewSquareSize(22))
	r.icon.Move(fyne.NewPos(16, (size.Height-22)/2))
	i := r.info.MinSize()
	r.info.Resize(i)
	right := size.Width - i.Width - 8
	r.info.Move(fyne.NewPos(right, (size.Height-i.Height)/2))
	n, d := r.name.MinSize().Height, r.detail.MinSize().Height
	top := (size.Height - (n + d - 14)) / 2
	room := right - 44 - 4
	r.detail.Resize(fyne.NewSize(room, d))
	r.detail.Move(fyne.NewPos(44, top+n-14))
	if r.badge.Text != "" { // beside the name, so that the line below has all the room
		b := r.badge.MinSize()
		pill := fyne.NewSize(b.Width+16, b.Height+4)
		r.pill.Resize(pill)
		r.pill.Move(fyne.NewPos(right-pill.Width-4, top+(n-pill.Height)/2))
		r.badge.Resize(pill)
		r.badge.Move(fyne.NewPos(right-pill.Width-4, top+(n-pill.Height)/2))
		room -= pill.Width + 8
	}
	r.name.Resize(fyne.NewSize(room, n))
	r.name.Move(fyne.NewPos(44, top))
}

func (w *modelRowRenderer) Refresh() {
	r := w.r
	switch {
	case r.state.loaded:
		r.ground.FillColor = look.Color(look.ColorSelected)
	case r.hovered || r.state.cursor:
		r.ground.FillColor = look.Color(theme.ColorNameHover)
	default:
		r.ground.FillColor = look.Color(theme.ColorNameOverlayBackground)
	}
	r.ground.StrokeWidth = 0
	if r.state.cursor {
		r.ground.StrokeColor, r.ground.StrokeWidth = look.Color(theme.ColorNamePrimary), 1.5
	}
	r.icon.Resource = look.IconModel.In(look.ColorMuted)
	if r.file.Server != "" {
		r.icon.Resource = look.IconServer.In(look.ColorMuted)
	}
	if r.file.Err != "" {
		r.icon.Resource = look.IconWarning.In(theme.ColorNameError)
	}
	text, ink := fitText(r.file.Fit)
	if r.file.Server != "" {
		text = lang.L("on {{.Server}}", map[string]any{"Server": r.file.Server})
	}
	if r.state.guide {
		text, ink = lang.L("Small, comes with Burble"), look.ColorMuted
	}
	if r.state.loaded {
		text, ink = lang.L("Loaded"), theme.ColorNamePrimary
	}
	r.badge.Text, r.badge.Color = text, look.Color(ink)
	r.pill.Hidden = text == ""
	r.pill.FillColor = look.Color(theme.ColorNameOverlayBackground)
	r.pill.StrokeColor, r.pill.StrokeWidth = look.Color(ink), 1
	w.Layout(r.Size())
	for _, o := range w.Objects() {
		o.Refresh()
	}
}
