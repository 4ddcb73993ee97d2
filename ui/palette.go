package ui

import (
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
	"github.com/sahilm/fuzzy"

	"burble/ui/look"
)

// palette finds commands, chats, models and pages of the settings by a few letters of their names.
type palette struct {
	w     *window
	panel *panel
	entry *entry
	list  *keyList
	none  *widget.Label

	items  []paletteItem // all
	shown  []paletteItem // that match
	chosen int           // of shown
}

// paletteItem is something that can be chosen.
type paletteItem struct {
	icon   look.Icon
	name   string
	detail string // what it is, or its key
	do     func()
}

// openPalette opens the palette.
func (w *window) openPalette() {
	p := &palette{w: w, items: w.paletteItems()}
	p.entry = newEntry(lang.L("Search commands, chats and models"), w.shortcut)
	p.entry.OnChanged = func(string) { p.filter() }
	p.entry.key = p.typedKey
	p.list = newKeyList(
		func() int { return len(p.shown) },
		func() fyne.CanvasObject { return newPaletteRow(p) },
		func(i widget.ListItemID, o fyne.CanvasObject) {
			if i < len(p.shown) {
				o.(*paletteRow).set(p.shown[i], i, i == p.chosen)
			}
		},
		p.typedKey,
	)
	p.none = widget.NewLabelWithStyle(lang.L("Nothing of that name."), fyne.TextAlignCenter, fyne.TextStyle{})
	p.none.Importance = widget.LowImportance
	p.filter()
	content := container.NewBorder(container.New(layout.NewCustomPaddedLayout(0, 8, 0, 0), p.entry), nil, nil, nil,
		container.NewStack(p.list, container.NewCenter(p.none)))
	p.panel = w.openPanel(fyne.KeyK, content, fyne.NewSize(620, 460))
	w.palette = p
	w.win.Canvas().Focus(p.entry)
}

// recentChats is how many chats the palette offers before anything is typed.
const recentChats = 5

// paletteItems are the latest chats, the commands, and what else is found by typing.
func (w *window) paletteItems() []paletteItem {
	var items, rest []paletteItem
	for i, c := range w.sidebar.chats {
		item := paletteItem{look.IconChat, titleOf(c), lang.L("Chat"), func() { w.openChat(c.ID) }}
		if i < recentChats {
			items = append(items, item)
		} else {
			rest = append(rest, item)
		}
	}
	for _, g := range w.commands() {
		for _, c := range g.commands {
			if c.when == nil || c.when() {
				items = append(items, paletteItem{c.icon, c.name, c.keyText(), c.do})
			}
		}
	}
	for _, f := range w.b.Models.List() {
		if f.Err == "" {
			items = append(items, paletteItem{look.IconModel, f.Name, lang.L("Load this model"), func() { w.b.Models.Load(f.Path) }})
		}
	}
	for i, page := range settingsPages() {
		items = append(items, paletteItem{page.icon, lang.L("Settings: {{.Page}}", map[string]any{"Page": page.name}), "", func() {
			w.settingsPage = i
			w.openSettings()
		}})
	}
	return append(items, rest...)
}

// filter shows the items that what was typed finds, best first. Among equals the order stays.
func (p *palette) filter() {
	p.chosen = 0
	query := strings.TrimSpace(p.entry.Text)
	if query == "" {
		p.shown = p.items
	} else {
		names := make([]string, len(p.items))
		for i, item := range p.items {
			names[i] = item.name
		}
		matches := fuzzy.FindNoSort(query, names)
		slices.SortStableFunc(matches, func(a, b fuzzy.Match) int { return b.Score - a.Score })
		p.shown = make([]paletteItem, len(matches))
		for i, m := range matches {
			p.shown[i] = p.items[m.Index]
		}
	}
	p.none.Hidden = len(p.shown) > 0
	p.none.Refresh()
	p.list.Refresh()
	p.list.ScrollToTop()
}

func (p *palette) typedKey(k *fyne.KeyEvent) bool {
	page := max(int(p.list.Size().Height/paletteRowHeight)-1, 1)
	switch k.Name {
	case fyne.KeyDown:
		p.choose(p.chosen + 1)
	case fyne.KeyUp:
		p.choose(p.chosen - 1)
	case fyne.KeyPageDown:
		p.choose(min(p.chosen+page, len(p.shown)-1))
	case fyne.KeyPageUp:
		p.choose(max(p.chosen-page, 0))
	case fyne.KeyReturn, fyne.KeyEnter:
		p.run(p.chosen)
	case fyne.KeyEscape:
		p.panel.close()
	default:
		return false
	}
	return true
}

// choose moves the choice, from the last item to the first and back.
func (p *palette) choose(i int) {
	if n := len(p.shown); n > 0 {
		p.chosen = (i + n) % n
		p.list.Refresh()
		p.list.ScrollTo(p.chosen)
	}
}

// run does what an item says, when the palette has made way.
func (p *palette) run(i int) {
	if i < len(p.shown) {
		p.panel.close()
		p.shown[i].do()
	}
}

const paletteRowHeight = 38

// paletteRow is one item of the list.
type paletteRow struct {
	widget.BaseWidget
	palette *palette
	index   int
	chosen  bool
	ground  *canvas.Rectangle
	icon    *canvas.Image
	picture look.Icon
	name    *widget.Label
	detail  *canvas.Text
}

func newPaletteRow(p *palette) *paletteRow {
	r := &paletteRow{palette: p, ground: canvas.NewRectangle(nil), icon: canvas.NewImageFromResource(nil), name: widget.NewLabel(""), detail: canvas.NewText("", nil)}
	r.ground.CornerRadius = 8
	r.icon.FillMode = canvas.ImageFillContain
	r.name.Truncation = fyne.TextTruncateEllipsis
	r.detail.TextSize = 12
	r.ExtendBaseWidget(r)
	return r
}

func (r *paletteRow) set(item paletteItem, index int, chosen bool) {
	r.index, r.chosen, r.picture = index, chosen, item.icon
	r.name.SetText(item.name)
	r.detail.Text = item.detail
	r.Refresh()
}

// Tapped does what the item says.
func (r *paletteRow) Tapped(*fyne.PointEvent) { r.palette.run(r.index) }

// MouseIn chooses the item.
func (r *paletteRow) MouseIn(*desktop.MouseEvent) {
	if r.index != r.palette.chosen {
		r.palette.chosen = r.index
		r.palette.list.Refresh()
	}
}

// MouseMoved does nothing.
func (r *paletteRow) MouseMoved(*desktop.MouseEvent) {}

// MouseOut does nothing: the keyboard goes on from here.
func (r *paletteRow) MouseOut() {}

// Cursor shows a hand.
func (r *paletteRow) Cursor() desktop.Cursor { return desktop.PointerCursor }

// CreateRenderer is Fyne's.
func (r *paletteRow) CreateRenderer() fyne.WidgetRenderer { return &paletteRowRenderer{r} }

type paletteRowRenderer struct{ r *paletteRow }

func (w *paletteRowRenderer) Destroy()           {}
func (w *paletteRowRenderer) MinSize() fyne.Size { return fyne.NewSize(200, paletteRowHeight) }
func (w *paletteRowRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{w.r.ground, w.r.icon, w.r.name, w.r.detail}
}

func (w *paletteRowRenderer) Layout(size fyne.Size) {
	r := w.r
	r.ground.Move(fyne.NewPos(0, 1))
	r.ground.Resize(size.SubtractWidthHeight(0, 2))
	r.icon.Resize(fyne.NewSquareSize(18))
	r.icon.Move(fyne.NewPos(12, (size.Height-18)/2))
	d := r.detail.MinSize()
	r.detail.Resize(d)
	r.detail.Move(fyne.NewPos(size.Width-d.Width-14, (size.Height-d.Height)/2))
	n := r.name.MinSize().Height
	r.name.Move(fyne.NewPos(32, (size.Height-n)/2))
	r.name.Resize(fyne.NewSize(max(size.Width-32-d.Width-22, 0), n))
}

func (w *paletteRowRenderer) Refresh() {
	r := w.r
	r.ground.FillColor = look.Color(theme.ColorNameOverlayBackground)
	if r.chosen {
		r.ground.FillColor = look.Color(theme.ColorNameSelection)
	}
	r.icon.Resource = r.picture.In(look.ColorMuted)
	r.detail.Color = look.Color(look.ColorMuted)
	w.Layout(r.Size())
	for _, o := range w.Objects() {
		o.Refresh()
	}
}
