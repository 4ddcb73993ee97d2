package ui

import (
	"fmt"
	"path/filepath"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"burble/app"
	"burble/inference"
	"burble/ui/look"
)

// header is the line at the top: the model and its device, the settings, and a slim progress bar while a model loads.
type header struct {
	widget.BaseWidget
	toggle   *look.Button
	model    *look.Button
	device   *canvas.Text
	cancel   *look.Button
	panel    *look.Button
	settings *look.Button
	ground   *canvas.Rectangle
	edge     *canvas.Rectangle
	progress *canvas.Rectangle
	share    float32 // of the load that is done; negative: nothing loads
}

func newHeader(toggle, model, cancel, settings func()) *header {
	h := &header{share: -1}
	h.toggle = look.NewIconButton(look.IconSidebar, toggle)
	h.model = look.NewButton(look.IconChevron, "", look.Ghost, model)
	h.model.Trailing, h.model.TextSize = true, 15
	h.cancel = look.NewButton(look.IconClose, lang.L("Cancel"), look.Ghost, cancel)
	h.cancel.Height, h.cancel.TextSize, h.cancel.Color = 30, 13, look.ColorMuted
	h.cancel.Hide()
	h.panel = look.NewIconButton(look.IconPanel, nil)
	h.settings = look.NewIconButton(look.IconSettings, settings)
	h.device = canvas.NewText("", nil)
	h.device.TextSize = 13
	h.ground, h.edge, h.progress = canvas.NewRectangle(nil), canvas.NewRectangle(nil), canvas.NewRectangle(nil)
	h.progress.CornerRadius = 1
	h.ExtendBaseWidget(h)
	return h
}

// showModel shows which model is loaded, or that none is.
func (h *header) showModel(m inference.ModelInfo, loaded bool) {
	h.share = -1
	h.cancel.Hide()
	if !loaded {
		h.model.Set(look.IconChevron, lang.L("Open a model"), look.Ghost)
		h.device.Text = ""
	} else {
		h.model.Set(look.IconChevron, m.Name, look.Ghost)
		h.device.Text = modelDetail(m)
	}
	h.Refresh()
}

func modelDetail(m inference.ModelInfo) string {
	d := m.Quantisation
	if m.Server != "" {
		return strings.TrimSuffix(lang.L("on {{.Server}}", map[string]any{"Server": m.Server})+"  ·  "+d, "  ·  ")
	}
	if device := deviceText(m); device != "" {
		if d != "" {
			d += "  ·  "
		}
		d += device
	}
	if memory := memoryText(m); memory != "" {
		d += "  ·  " + memory
	}
	return d
}

// showProgress shows a load on its way.
func (h *header) showProgress(p app.LoadProgress) {
	h.share = loadShare(p)
	h.model.Set(look.IconChevron, lang.L("Loading {{.Name}}", map[string]any{"Name": filepath.Base(p.Path)}), look.Ghost)
	h.device.Text = progressText(p)
	h.cancel.Show()
	h.Refresh()
}

// loadShare returns how much of a load's stage is done, from 0 to 1.
func loadShare(p app.LoadProgress) float32 {
	if p.Total <= 0 {
		return 0
	}
	return min(max(float32(float64(p.Done)/float64(p.Total)), 0), 1)
}

// progressText says what a load is doing: "reading weights, 43 %".
func progressText(p app.LoadProgress) string {
	if p.Total <= 0 {
		return stageText(p.Stage) + "…"
	}
	return fmt.Sprintf("%s, %d %%", stageText(p.Stage), int(100*loadShare(p)))
}

// CreateRenderer is Fyne's.
func (h *header) CreateRenderer() fyne.WidgetRenderer {
	r := &headerRenderer{h}
	r.Refresh()
	return r
}

type headerRenderer struct{ h *header }

func (r *headerRenderer) Destroy()           {}
func (r *headerRenderer) MinSize() fyne.Size { return fyne.NewSize(280, look.HeaderHeight) }
func (r *headerRenderer) Objects() []fyne.CanvasObject {
	h := r.h
	return []fyne.CanvasObject{h.ground, h.toggle, h.model, h.device, h.cancel, h.panel, h.settings, h.edge, h.progress}
}

func (r *headerRenderer) Layout(size fyne.Size) {
	h := r.h
	put := func(o fyne.CanvasObject, x float32) float32 {
		s := o.MinSize()
		o.Resize(s)
		o.Move(fyne.NewPos(x, (size.Height-s.Height)/2))
		return x + s.Width
	}
	h.ground.Resize(size)
	x := put(h.toggle, 12) + 4
	right := size.Width - 12 - h.settings.MinSize().Width
	put(h.settings, right)
	right -= h.panel.MinSize().Width + 2
	put(h.panel, right)
	if h.cancel.Visible() {
		right -= h.cancel.MinSize().Width + 6
		put(h.cancel, right)
	}
	m := h.model.MinSize()
	m.Width = max(min(m.Width, right-x-8), 0)
	h.model.Resize(m)
	h.model.Move(fyne.NewPos(x, (size.Height-m.Height)/2))
	x += m.Width + 8
	h.device.Hidden = x+h.device.MinSize().Width > right-8
	put(h.device, x)
	h.edge.Resize(fyne.NewSize(size.Width, 1))
	h.edge.Move(fyne.NewPos(0, size.Height-1))
	h.progress.Resize(fyne.NewSize(size.Width*max(h.share, 0), 2))
	h.progress.Move(fyne.NewPos(0, size.Height-2))
}

func (r *headerRenderer) Refresh() {
	h := r.h
	h.device.Color = look.Color(look.ColorMuted)
	h.ground.FillColor = look.Color(theme.ColorNameBackground)
	h.edge.FillColor = look.Color(theme.ColorNameSeparator)
	h.progress.FillColor = look.Color(theme.ColorNamePrimary)
	h.progress.Hidden = h.share < 0
	if s := h.Size(); !s.IsZero() {
		r.Layout(s)
	}
	for _, o := range r.Objects() {
		o.Refresh()
	}
}
