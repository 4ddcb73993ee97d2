package transcript

import (
	"image"
	"image/color"
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/lang"

	"burble/ui/look"
	"burble/ui/markdown"
	"burble/ui/tex"
)

const (
	mathScale = 1.1 // the size of formulas to that of the text around them, whose letters are larger for their size
	mathPad   = 0.5 // on either side of a formula in a line
	mathLead  = 2   // least room above and below a formula in a line
	inkPad    = 2   // around a picture of a formula, for ink that leans over its edges
)

// formulas sets formulas, and keeps what it has set by source.
type formulas struct {
	setter *tex.Setter
	kept   map[formulaKey]*tex.Formula // nil: the source could not be understood
}

type formulaKey struct {
	source    string
	displayed bool
}

// maxFormulas bounds how many formulas are kept. A formula is a few kilobytes, and is set again in a fraction of a
// millisecond.
const maxFormulas = 2000

func newFormulas() *formulas {
	return &formulas{setter: tex.NewSetter(), kept: map[formulaKey]*tex.Formula{}}
}

func (f *formulas) get(source string, displayed bool) *tex.Formula {
	k := formulaKey{source, displayed}
	if have, ok := f.kept[k]; ok {
		return have
	}
	if len(f.kept) >= maxFormulas {
		clear(f.kept)
	}
	set, err := f.setter.Set(source, displayed)
	if err != nil || set.Width <= 0 {
		set = nil
	}
	f.kept[k] = set
	return set
}

// mathPicture draws a formula, or a part of one, in the pixels of the screen it is on.
type mathPicture struct {
	raster  *canvas.Raster
	piece   piece
	color   color.Color
	ascent  float32 // from the picture's top to about the baseline, a whole number
	top     float32 // from the picture's top to the top of the text beside it, a whole number
	base    float32 // from there to the baseline
	picture image.Image
}

func newMathPicture() *mathPicture {
	p := &mathPicture{}
	p.raster = canvas.NewRaster(p.draw)
	return p
}

// show draws a piece in a colour of the theme.
func (p *mathPicture) show(piece piece, name fyne.ThemeColorName) {
	c := look.Color(name)
	if piece == p.piece && c == p.color {
		return
	}
	p.piece, p.color, p.picture = piece, c, nil
	up := func(v float32) float32 { return float32(math.Ceil(float64(v))) }
	p.ascent = up(piece.formula.Height*piece.em) + inkPad
	depth := up(piece.formula.Depth*piece.em) + inkPad + 1 // a pixel more, as the baseline may lie one lower
	size := fyne.NewSize(up((piece.right-piece.left)*piece.em)+2*inkPad, p.ascent+depth)
	if size == p.raster.Size() {
		p.raster.Refresh()
		return
	}
	p.raster.Resize(size)
}

// moveTo places the formula's left end, beside text that has its top at y, a whole number, and its baseline so far
// below it as base says.
func (p *mathPicture) moveTo(x, y, base float32) {
	whole := float32(math.Floor(float64(base)))
	if top := p.ascent - whole; top != p.top || base != p.base {
		p.top, p.base, p.picture = top, base, nil
	}
	p.raster.Move(fyne.NewPos(x+mathPad-inkPad, y+whole-p.ascent))
}

// draw is the raster's: Fyne asks for it in pixels.
func (p *mathPicture) draw(w, h int) image.Image {
	if p.piece.formula == nil {
		return image.NewNRGBA(image.Rect(0, 0, max(w, 1), max(h, 1)))
	}
	if p.picture != nil && p.picture.Bounds().Dx() == w && p.picture.Bounds().Dy() == h {
		return p.picture
	}
	scale := float32(h) / p.raster.Size().Height
	// Fyne draws a text's baseline at the next whole pixel below where it lies.
	baseline := float32(math.Round(float64(p.top*scale)) + math.Ceil(float64(p.base*scale)))
	p.picture = p.piece.formula.Draw(w, h, p.piece.em*scale, baseline, inkPad*scale, p.piece.left, p.piece.right, p.color)
	return p.picture
}

// formulaBlock is a formula that stands on its own: in the middle of the column, or scrolling sideways where it is
// wider.
type formulaBlock struct {
	container
	b       builder
	source  string
	formula *tex.Formula
	content *formulaContent
	bar     *sideScroll
}

func newFormulaBlock(b builder, source string, f *tex.Formula) *formulaBlock {
	c := &formulaContent{picture: newMathPicture()}
	c.ExtendBaseWidget(c)
	c.objects = []fyne.CanvasObject{c.picture.raster}
	k := &formulaBlock{b: b, source: source, formula: f, content: c, bar: newSideScroll(c, b.host)}
	k.objects = []fyne.CanvasObject{k.bar}
	k.recolour = k.draw
	k.ExtendBaseWidget(k)
	return k
}

// formulaContent is what scrolls: the picture, as wide as it is.
type formulaContent struct {
	container
	picture *mathPicture
}

// MinSize is the formula's size.
func (c *formulaContent) MinSize() fyne.Size { return fyne.NewSize(c.width, c.height) }

const formulaY = 3 // above and below a formula

func (k *formulaBlock) draw() {
	k.content.picture.show(piece{k.formula, 0, k.formula.Width, k.b.text.size * mathScale}, k.b.text.color)
}

func (k *formulaBlock) update(m *markdown.Block) bool {
	if m.Kind != markdown.Formula {
		return false
	}
	f := k.b.host.formula(markdown.TeX(m.Code), true)
	if f == nil {
		return false
	}
	k.source, k.formula, k.width = m.Code, f, 0
	return true
}

func (k *formulaBlock) heightFor(width float32) float32 {
	if width == k.width {
		return k.height
	}
	k.width = width
	k.draw()
	size := k.content.picture.raster.Size()
	k.height = size.Height + 2*formulaY
	if size.Width > width {
		k.height += 8 // room for the scroll bar
	}
	k.content.width, k.content.height = size.Width, k.height
	k.content.picture.moveTo(max((width-size.Width)/2, 0)+inkPad-mathPad, formulaY, k.content.picture.ascent)
	k.bar.Resize(fyne.NewSize(width, k.height))
	k.bar.Scroll.Refresh()
	return k.height
}

// TappedSecondary offers the formula's source.
func (k *formulaBlock) TappedSecondary(e *fyne.PointEvent) {
	k.b.host.showItems(e.AbsolutePosition, fyne.NewMenuItem(lang.L("Copy LaTeX"), func() { k.b.host.copyText(markdown.TeX(k.source)) }))
}
