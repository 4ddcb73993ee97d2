package ui

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"burble/app/hub"
	"burble/ui/look"
)

// hubItem is what a row of the download dialog's list shows.
type hubItem struct {
	title, detail string
	wrong         bool                // detail says what is wrong
	note          string              // at the right
	ink           fyne.ThemeColorName // of the note; empty: a quiet one
	chosen        bool                // of all, this one suits
	button        string              // empty: the row itself is pressed
	do            func()
}

// hubRow is a row of that list.
type hubRow struct {
	widget.BaseWidget
	item    hubItem
	hovered bool
	ground  *canvas.Rectangle
	title   *widget.Label
	detail  *widget.Label
	note    *canvas.Text
	button  *look.Button
}

func newHubRow() *hubRow {
	r := &hubRow{ground: canvas.NewRectangle(nil), title: widget.NewLabel(""), detail: widget.NewLabel(""), note: canvas.NewText("", nil)}
	r.ground.CornerRadius = look.Radius
	r.title.TextStyle, r.title.Truncation = fyne.TextStyle{Bold: true}, fyne.TextTruncateEllipsis
	r.detail.Truncation, r.detail.SizeName = fyne.TextTruncateEllipsis, theme.SizeNameCaptionText
	r.note.TextSize = 12
	r.button = look.NewButton(look.IconDownload, "", look.Soft, func() {
		if r.item.do != nil {
			r.item.do()
		}
	})
	r.ExtendBaseWidget(r)
	return r
}

func (r *hubRow) set(i hubItem) {
	r.item = i
	r.title.SetText(i.title)
	r.detail.SetText(i.detail)
	r.detail.Importance = widget.LowImportance
	if i.wrong {
		r.detail.Importance = widget.DangerImportance
	}
	style := look.Soft
	if i.chosen {
		style = look.Primary
	}
	r.button.Set(look.IconDownload, i.button, style)
	r.Refresh()
}

// MouseIn lights the row up.
func (r *hubRow) MouseIn(*desktop.MouseEvent) { r.hovered = true; r.Refresh() }

// MouseMoved does nothing.
func (r *hubRow) MouseMoved(*desktop.MouseEvent) {}

// MouseOut puts the light out.
func (r *hubRow) MouseOut() { r.hovered = false; r.Refresh() }

// Cursor shows a hand over a row that can be pressed.
func (r *hubRow) Cursor() desktop.Cursor {
	if r.item.button == "" && r.item.do != nil {
		return desktop.PointerCursor
	}
	return desktop.DefaultCursor
}

// CreateRenderer is Fyne's.
func (r *hubRow) CreateRenderer() fyne.WidgetRenderer { return &hubRowRenderer{r} }

type hubRowRenderer struct{ r *hubRow }

func (w *hubRowRenderer) Destroy()           {}
func (w *hubRowRenderer) MinSize() fyne.Size { return fyne.NewSize(240, 56) }
func (w *hubRowRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{w.r.ground, w.r.title, w.r.detail, w.r.note, w.r.button}
}

func (w *hubRowRenderer) Layout(size fyne.Size) {
	r := w.r
	r.ground.Move(fyne.NewPos(2, 2))
	r.ground.Resize(size.SubtractWidthHeight(4, 4))
	right := size.Width - 12
	if r.item.button != "" {
		b := r.button.MinSize()
		r.button.Resize(b)
		r.button.Move(fyne.NewPos(right-b.Width, (size.Height-b.Height)/2))
		right -= b.Width + 12
	}
	if r.item.note != "" {
		n := r.note.MinSize()
		r.note.Resize(n)
		r.note.Move(fyne.NewPos(right-n.Width, (size.Height-n.Height)/2))
		right -= n.Width + 8
	}
	n, d := r.title.MinSize().Height, r.detail.MinSize().Height
	top := (size.Height - (n + d - 14)) / 2
	r.title.Resize(fyne.NewSize(right-6, n))
	r.title.Move(fyne.NewPos(6, top))
	r.detail.Resize(fyne.NewSize(right-6, d))
	r.detail.Move(fyne.NewPos(6, top+n-14))
}

func (w *hubRowRenderer) Refresh() {
	r := w.r
	r.ground.FillColor = color.Transparent
	switch {
	case r.item.chosen:
		r.ground.FillColor = look.Color(look.ColorSelected)
	case r.hovered && r.item.do != nil:
		r.ground.FillColor = look.Color(theme.ColorNameHover)
	}
	r.note.Text, r.note.Color = r.item.note, look.Color(look.ColorMuted)
	if r.item.ink != "" {
		r.note.Color = look.Color(r.item.ink)
	}
	if r.item.button == "" {
		r.button.Hide()
	} else {
		r.button.Show()
	}
	w.Layout(r.Size())
	for _, o := range w.Objects() {
		o.Refresh()
	}
}

// downloadRow shows a download: how far it is, and what can be done with it.
type downloadRow struct {
	box    *fyne.Container
	name   *widget.Label
	detail *widget.Label
	why    *widget.Label
	bar    *meter
	toggle *look.Button // pause or resume
	remove *look.Button
	open   *look.Button
	page   *look.Button
	token  *look.Button
	help   *fyne.Container // page and token
	d      hub.Download
}

// downloadActions are what a row asks its dialog to do.
type downloadActions struct {
	pause, resume, remove, open, page, token func(hub.Download)
}

func newDownloadRow(do downloadActions) *downloadRow {
	r := &downloadRow{name: widget.NewLabel(""), detail: widget.NewLabel(""), why: widget.NewLabel(""), bar: newMeter()}
	r.name.TextStyle, r.name.Truncation = fyne.TextStyle{Bold: true}, fyne.TextTruncateEllipsis
	r.detail.SizeName, r.detail.Importance, r.detail.Truncation = theme.SizeNameCaptionText, widget.LowImportance, fyne.TextTruncateEllipsis
	r.why.SizeName, r.why.Wrapping = theme.SizeNameCaptionText, fyne.TextWrapWord
	r.toggle = look.NewIconButton(look.IconPause, func() {
		if r.d.State == hub.Running || r.d.State == hub.Queued {
			do.pause(r.d)
		} else {
			do.resume(r.d)
		}
	})
	r.remove = look.NewIconButton(look.IconClose, func() { do.remove(r.d) })
	r.open = look.NewButton(look.Icon{}, lang.L("Open"), look.Primary, func() { do.open(r.d) })
	r.page = look.NewButton(look.Icon{}, lang.L("Open its page"), look.Soft, func() { do.page(r.d) })
	r.token = look.NewButton(look.Icon{}, lang.L("Add a token…"), look.Soft, func() { do.token(r.d) })
	text := container.New(layout.NewCustomPaddedVBoxLayout(-14), r.name, r.detail)
	bar := container.New(layout.NewCustomPaddedLayout(0, 6, 9, 9), r.bar)
	buttons := container.NewHBox(r.open, r.toggle, r.remove)
	top := container.New(layout.NewCustomPaddedVBoxLayout(-12), container.NewBorder(nil, nil, nil, container.NewCenter(buttons), text), r.why)
	r.help = container.New(layout.NewCustomPaddedLayout(2, 12, 9, 9), container.NewHBox(r.page, r.token))
	r.box = container.New(layout.NewCustomPaddedVBoxLayout(-6), top, r.help, bar)
	return r
}

// set shows a download.
func (r *downloadRow) set(d hub.Download) {
	r.d = d
	r.name.SetText(d.Name)
	r.detail.SetText(downloadText(d))
	r.bar.set(float32(d.Done) / float32(max(d.Size, 1)))
	show := func(o fyne.CanvasObject, on bool) {
		if on {
			o.Show()
		} else {
			o.Hide()
		}
	}
	r.why.Importance = widget.LowImportance
	if d.State == hub.Failed {
		r.why.Importance = widget.DangerImportance
	}
	r.why.SetText(sentence(d.Why))
	show(r.why, d.Why != "")
	show(r.bar, d.State != hub.Done)
	show(r.open, d.State == hub.Done)
	show(r.toggle, d.State != hub.Done)
	show(r.page, d.State == hub.Failed && d.Page != "")
	show(r.token, d.State == hub.Failed && d.Token)
	show(r.help, r.page.Visible() || r.token.Visible())
	icon := look.IconPlay
	if d.State == hub.Running || d.State == hub.Queued {
		icon = look.IconPause
	}
	if r.toggle.Icon != icon {
		r.toggle.Set(icon, "", look.Ghost)
	}
}
