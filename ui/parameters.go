package ui

import (
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"burble/app"
	"burble/ui/look"
)

// parameters is the panel at the right: what shapes the answers of the chat that is shown. It is kept with the chat, and
// counts from the next answer on.
type parameters struct {
	w          *window
	box        *fyne.Container // hidden while the panel is closed
	scroll     *container.Scroll
	list       *fyne.Container
	chooser    *keySelect
	more       *look.Button // what can be done with presets
	reset      *look.Button // of everything
	top        *fyne.Container
	recommends *look.Button
	preset     app.Preset // of the chat
	presets    []app.Preset
	rows       []parameterRow
	rare       *fyne.Container // the rows that few need
	rareButton *look.Button
	system     *entry
	tokens     *widget.Label
	counted    int         // counts how often the system prompt's tokens were asked for
	showing    bool        // the rows are being filled
	typing     *look.Timer // until what is typed is stored
	unsaved    func()
	latest     *undoStep // of a parameter, and which: changes in a row are one step
	latestName string
	latestChat int64
}

// parameterRow brings a row in line with the chat's parameters and those of its preset.
type parameterRow func(p, base app.Parameters)

const panelWidth float32 = 330

func newParameters(w *window) *parameters {
	p := &parameters{w: w, list: container.New(layout.NewCustomPaddedVBoxLayout(10))}
	title := widget.NewLabel(lang.L("Parameters"))
	title.TextStyle = fyne.TextStyle{Bold: true}
	p.reset = look.NewButton(look.IconUndo, lang.L("Reset all"), look.Ghost, p.resetAll)
	p.reset.Height, p.reset.TextSize, p.reset.Color, p.reset.OnKey = 30, 13, look.ColorMuted, p.escapeKey
	closing := look.NewIconButton(look.IconClose, p.close)
	closing.OnKey = p.escapeKey
	p.top = container.NewBorder(nil, nil, nil, container.NewHBox(container.NewCenter(p.reset), container.NewCenter(closing)), title)

	p.chooser = newKeySelect(nil, p.escapeKey)
	p.chooser.OnChanged = func(string) { p.choose() }
	p.more = look.NewIconButton(look.IconMore, p.menu)
	p.more.OnKey = p.escapeKey
	p.list.Add(container.NewBorder(nil, nil, nil, p.more, filledSelect(p.chooser)))
	p.recommends = look.NewButton(look.IconModel, "", look.Soft, p.recommend)
	p.recommends.Height, p.recommends.TextSize, p.recommends.OnKey = 30, 13, p.escapeKey
	p.list.Add(p.recommends)

	p.scroll = container.NewVScroll(container.New(layout.NewCustomPaddedLayout(4, 20, 16, 18), p.list))
	ground := newGround(look.ColorSidebar)
	edge := newGround(look.ColorBorder)
	edge.rect.SetMinSize(fyne.NewSize(1, 1))
	top := container.New(layout.NewCustomPaddedLayout(8, 6, 10, 10), p.top)
	p.box = container.NewStack(ground, container.NewBorder(nil, nil, edge, nil, container.NewBorder(top, nil, nil, nil, p.scroll)))
	p.box.Hide()
	return p
}

// toggleParameters opens the panel, or closes it.
func (w *window) toggleParameters() {
	if w.params.box.Visible() {
		w.params.close()
		return
	}
	w.params.box.Show()
	w.params.show()
	w.side.Refresh()
	w.win.Canvas().Focus(w.params.chooser)
}

func (p *parameters) close() {
	p.commit()
	p.box.Hide()
	p.w.side.Refresh()
	p.w.focusComposer()
}

func (p *parameters) escapeKey(k *fyne.KeyEvent) {
	if k.Name == fyne.KeyEscape {
		p.close()
	}
}

// options are the choices of the chat that is shown.
func (w *window) options() app.ChatOptions {
	if w.chat == 0 {
		return w.newOptions
	}
	c, err := w.b.Chats.Chat(w.chat)
	if err != nil {
		w.report(err)
	}
	return c.Options
}

// setOptions stores the choices of a chat. Those of a new one are stored when it is made.
func (w *window) setOptions(chat int64, o app.ChatOptions) error {
	if chat == 0 {
		w.newOptions = o
	} else if err := w.b.Chats.SetOptions(chat, o); err != nil {
		return err
	}
	w.showParameters()
	return nil
}

// showParameters brings the panel and the line above the transcript in line with the chat that is shown.
func (w *window) showParameters() {
	if w.params.box.Visible() {
		w.params.show()
	}
	w.showStrip()
}

// show fills the panel. Its rows are made the first time that it is opened: they are many, and the window should be there soon.
func (p *parameters) show() {
	if p.rows == nil {
		p.fill()
		revealFocus(p.scroll, p.list)
	}
	o := p.w.options()
	preset, err := p.w.b.Presets.Of(o)
	if err != nil {
		p.w.report(err)
		return
	}
	p.preset = preset
	if p.presets, err = p.w.b.Presets.List(); err != nil {
		p.w.report(err)
	}
	now := o.Over(preset.Parameters)
	p.showing = true
	defer func() { p.showing = false }()
	labels := make([]string, len(p.presets))
	for i, x := range p.presets {
		labels[i] = presetName(x)
		if x.ID == p.w.b.Settings.Get().Preset {
			labels[i] += "  ·  " + lang.L("default")
		}
		if x.ID == preset.ID {
			p.chooser.Selected = labels[i]
		}
	}
	p.chooser.Options = labels
	p.chooser.Refresh()
	if same := now.Equal(preset.Parameters); p.reset.Hidden != same {
		p.reset.Hidden = same
		p.top.Refresh()
	}
	info, loaded := p.w.b.Models.Current()
	use := now
	if loaded && info.Recommended != nil {
		use.Sampling = *info.Recommended
		use.Sampling.Seed = now.Sampling.Seed
		p.recommends.Set(look.IconModel, lang.L("Use what the model recommends"), look.Soft)
	}
	p.recommends.Hidden = use.Equal(now)
	base := preset.Parameters.Clamp()
	for _, row := range p.rows {
		row(now, base)
	}
	p.list.Refresh()
}

// presetName is what the user calls a preset.
func presetName(x app.Preset) string {
	if x.ID == 0 {
		return lang.L("As in the settings")
	}
	return x.Name
}

// change changes the parameters of the chat that is shown. name says which: changes of one in a row are undone at once, without a
// name each by itself.
func (p *parameters) change(name string, how func(x *app.Parameters)) {
	if p.showing {
		return
	}
	w, chat := p.w, p.w.chat
	before := w.options()
	preset, err := w.b.Presets.Of(before)
	if err != nil {
		w.report(err)
		return
	}
	now := before.Over(preset.Parameters)
	how(&now)
	after := before.With(now, preset.Parameters)
	if after.Over(preset.Parameters).Equal(before.Over(preset.Parameters)) {
		return
	}
	if err := w.setOptions(chat, after); err != nil {
		w.report(err)
		return
	}
	if name != "" && p.latest != nil && !p.latest.done && p.latestName == name && p.latestChat == chat {
		return
	}
	p.latest, p.latestName, p.latestChat = &undoStep{do: func() error { return w.setOptions(chat, before) }}, name, chat
	w.undos = append(w.undos, p.latest)
	if len(w.undos) > undoable {
		w.undos = w.undos[1:]
	}
}

// later stores what is being typed after a pause, or with commit.
func (p *parameters) later(store func()) {
	p.typing.Stop()
	p.unsaved = store
	p.typing = p.w.timers.After(600*time.Millisecond, p.commit)
}

// commit stores what was typed.
func (p *parameters) commit() {
	p.typing.Stop()
	if store := p.unsaved; store != nil {
		p.unsaved = nil
		store()
	}
}

// replace gives the chat other choices, and offers to undo that.
func (p *parameters) replace(text string, o app.ChatOptions) {
	w, chat := p.w, p.w.chat
	before := w.options()
	if err := w.setOptions(chat, o); err != nil {
		w.report(err)
		return
	}
	p.latest = nil
	w.did(text, func() error { return w.setOptions(chat, before) })
}

// resetAll makes everything as the preset has it.
func (p *parameters) resetAll() {
	p.unsaved = nil
	p.replace(lang.L("All parameters are as in the preset."), app.ChatOptions{Preset: p.w.options().Preset})
}

// recommend takes the sampling that the model's file recommends.
func (p *parameters) recommend() {
	info, _ := p.w.b.Models.Current()
	if info.Recommended == nil {
		return
	}
	now := p.w.options().Over(p.preset.Parameters)
	seed := now.Sampling.Seed
	now.Sampling = *info.Recommended
	now.Sampling.Seed = seed
	p.replace(lang.L("The sampling is as the model's file recommends."), p.w.options().With(now, p.preset.Parameters))
}

// choose gives the chat another preset. What the chat has of its own goes.
func (p *parameters) choose() {
	i := p.chooser.SelectedIndex()
	if p.showing || i < 0 || i >= len(p.presets) || p.presets[i].ID == p.preset.ID {
		return
	}
	p.usePreset(p.presets[i])
}

func (p *parameters) usePreset(x app.Preset) {
	p.unsaved = nil
	p.replace(lang.L("The preset is {{.Name}}.", map[string]any{"Name": presetName(x)}), app.ChatOptions{Preset: &x.ID})
	if info, loaded := p.w.b.Models.Current(); x.Model != "" && (!loaded || info.Path != x.Model) {
		p.w.b.Models.Load(x.Model)
	}
}

// showStrip shows the line above the transcript: what the model is told, where that is not as usual.
func (w *window) showStrip() {
	text := ""
	if preset, err := w.b.Presets.Of(w.options()); err == nil {
		text = stripText(w.options(), preset)
	}
	if w.stripText != text {
		w.stripText = text
		w.stripBox.Hidden = text == ""
		w.stripBox.Refresh()
		w.main.Refresh()
	}
}

// stripText says what shapes a chat: "Precise · Be exact.".
func stripText(o app.ChatOptions, preset app.Preset) string {
	var parts []string
	now := o.Over(preset.Parameters)
	if preset.ID != 0 {
		parts = append(parts, preset.Name)
	}
	if s := strings.Join(strings.Fields(now.System), " "); s != "" {
		parts = append(parts, "“"+s+"”")
	}
	now.System = preset.System
	if !now.Equal(preset.Parameters) {
		parts = append(parts, lang.L("own parameters"))
	}
	return strings.Join(parts, "  ·  ")
}

// newStrip makes that line.
func (w *window) newStrip() {
	w.strip = look.NewButton(look.IconSettings, "", look.Soft, w.toggleParameters)
	w.strip.Height, w.strip.TextSize, w.strip.Round, w.strip.Color = stripHeight-8, 12.5, true, look.ColorMuted
	w.stripBox = container.New(stripLayout{w}, w.strip)
	w.stripText = ""
	w.stripBox.Hide()
}

// stripLayout centres the line above the transcript, and cuts its text where there is no room.
type stripLayout struct{ w *window }

// MinSize is the line's height.
func (l stripLayout) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(0, stripHeight) }

// Layout cuts the text, and places the line.
func (l stripLayout) Layout(_ []fyne.CanvasObject, size fyne.Size) {
	b := l.w.strip
	if text := begun(l.w.stripText, min(size.Width-110, 520), b.TextSize); text != b.Text {
		b.Set(look.IconSettings, text, look.Soft)
	}
	s := b.MinSize()
	b.Resize(s)
	b.Move(fyne.NewPos((size.Width-s.Width)/2, (size.Height-s.Height)/2))
}

// begun cuts a text at its end until it is no wider than width.
func begun(text string, width, size float32) string {
	fits := func(s string) bool { return fyne.MeasureText(s, size, fyne.TextStyle{}).Width <= width }
	r := []rune(text)
	if len(r) > 400 {
		r = r[:400] // which no line has room for
	}
	if fits(string(r)) {
		return text
	}
	for n := len(r) - 1; n > 0; n-- {
		if s := strings.TrimRight(string(r[:n]), " ·“") + "…"; fits(s) {
			return s
		}
	}
	return "…"
}

const stripHeight float32 = 36

// sideLayout places the panel at the right of the main part, or over it where there is no room for both.
type sideLayout struct{ main, panel fyne.CanvasObject }

// MinSize is the main part's.
func (l *sideLayout) MinSize([]fyne.CanvasObject) fyne.Size { return l.main.MinSize() }

// Layout places both.
func (l *sideLayout) Layout(_ []fyne.CanvasObject, size fyne.Size) {
	l.main.Move(fyne.Position{})
	if !l.panel.Visible() {
		l.main.Resize(size)
		return
	}
	width := min(panelWidth, size.Width)
	if size.Width-width >= 380 {
		l.main.Resize(fyne.NewSize(size.Width-width, size.Height))
	} else {
		l.main.Resize(size)
		if size.Width-width < 60 {
			width = size.Width
		}
	}
	l.panel.Resize(fyne.NewSize(width, size.Height))
	l.panel.Move(fyne.NewPos(size.Width-width, 0))
}

// ground is a rectangle in a colour of the theme, which it follows. It keeps clicks from what is below.
type ground struct {
	widget.BaseWidget
	rect  *canvas.Rectangle
	color fyne.ThemeColorName
}

func newGround(color fyne.ThemeColorName) *ground {
	g := &ground{rect: canvas.NewRectangle(look.Color(color)), color: color}
	g.ExtendBaseWidget(g)
	return g
}

// Tapped does nothing.
func (g *ground) Tapped(*fyne.PointEvent) {}

// CreateRenderer is Fyne's.
func (g *ground) CreateRenderer() fyne.WidgetRenderer {
	return groundRenderer{widget.NewSimpleRenderer(g.rect), g}
}

type groundRenderer struct {
	fyne.WidgetRenderer
	g *ground
}

// Refresh takes the theme's colour.
func (r groundRenderer) Refresh() {
	r.g.rect.FillColor = look.Color(r.g.color)
	r.g.rect.Refresh()
}

// caption is a small muted text that wraps.
func caption(text string) *widget.Label {
	l := widget.NewLabel(text)
	l.SizeName, l.Importance, l.Wrapping = theme.SizeNameCaptionText, widget.LowImportance, fyne.TextWrapWord
	return l
}

// countSystem shows how many tokens the system prompt is.
func (p *parameters) countSystem(text string) {
	p.counted++
	number := p.counted
	if strings.TrimSpace(text) == "" {
		p.tokens.SetText(lang.L("Told to the model before the conversation."))
		return
	}
	p.w.spawn(func() {
		n, exact := p.w.b.Models.CountTokens(text)
		fyne.Do(func() {
			if number != p.counted {
				return
			}
			count := map[string]any{"Count": countText(n)}
			if exact {
				p.tokens.SetText(lang.N("{{.Count}} tokens", n, count))
			} else {
				p.tokens.SetText(lang.N("about {{.Count}} tokens", n, count))
			}
		})
	})
}
