package tex

import (
	"image"
	"image/color"
	"math"

	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/font/opentype"
	"golang.org/x/image/vector"
)

// Draw draws the part of the formula from the left edge left to the edge right (in ems; 0 and Width: all of it) into a
// picture of width × height pixels: an em is em pixels, and the baseline lies baseline pixels below the top. The first
// pixels of the width, pad of them, are left for ink that leans over the edge.
func (f *Formula) Draw(width, height int, em, baseline, pad, left, right float32, c color.Color) *image.NRGBA {
	picture := image.NewNRGBA(image.Rect(0, 0, max(width, 1), max(height, 1)))
	if width < 1 || height < 1 {
		return picture
	}
	r := vector.NewRasterizer(width, height)
	f.setter.mu.Lock()
	for _, i := range f.ink {
		if middle := i.x + f.extent(i)/2; middle < left || middle >= right {
			continue
		}
		i.x -= left
		f.outline(r, i, em, baseline, pad)
	}
	f.setter.mu.Unlock()
	mask := image.NewAlpha(picture.Bounds())
	r.Draw(mask, mask.Bounds(), image.Opaque, image.Point{})
	ink := color.NRGBAModel.Convert(c).(color.NRGBA)
	for n, a := range mask.Pix {
		if a != 0 {
			p := picture.Pix[4*n : 4*n+4]
			p[0], p[1], p[2], p[3] = ink.R, ink.G, ink.B, uint8(int(a)*int(ink.A)/255)
		}
	}
	return picture
}

func (f *Formula) extent(i ink) float32 {
	if i.kind == glyphInk {
		return f.setter.font.metrics(i.glyph).w * i.size
	}
	return i.w
}

// outline adds one thing to what is filled.
func (f *Formula) outline(r *vector.Rasterizer, i ink, em, baseline, pad float32) {
	at := func(x, y float32) (float32, float32) { return pad + x*em, baseline - y*em }
	switch i.kind {
	case ruleInk:
		f.rectangle(r, i, em, baseline, pad)
	case lineInk:
		length := float32(math.Hypot(float64(i.w), float64(i.h)))
		if length == 0 {
			return
		}
		nx, ny := -i.h/length*i.size/2, i.w/length*i.size/2
		r.MoveTo(at(i.x+nx, i.y+ny))
		r.LineTo(at(i.x-nx, i.y-ny))
		r.LineTo(at(i.x+i.w-nx, i.y+i.h-ny))
		r.LineTo(at(i.x+i.w+nx, i.y+i.h+ny))
		r.ClosePath()
	case glyphInk:
		outline, ok := f.setter.font.face.GlyphData(i.glyph).(font.GlyphOutline)
		if !ok {
			return
		}
		scale := f.setter.font.unit * i.size
		point := func(p opentype.SegmentPoint) (float32, float32) { return at(i.x+p.X*scale, i.y+p.Y*scale) }
		open := false
		for _, s := range outline.Segments {
			x, y := point(s.Args[0])
			switch s.Op {
			case opentype.SegmentOpMoveTo:
				if open {
					r.ClosePath()
				}
				open = true
				r.MoveTo(x, y)
			case opentype.SegmentOpLineTo:
				r.LineTo(x, y)
			case opentype.SegmentOpQuadTo:
				x2, y2 := point(s.Args[1])
				r.QuadTo(x, y, x2, y2)
			case opentype.SegmentOpCubeTo:
				x2, y2 := point(s.Args[1])
				x3, y3 := point(s.Args[2])
				r.CubeTo(x, y, x2, y2, x3, y3)
			}
		}
		if open {
			r.ClosePath()
		}
	}
}

// rectangle fills a rule. Its thinner side covers whole pixels, at least one, so that it is as sharp as the screen can
// show it.
func (f *Formula) rectangle(r *vector.Rasterizer, i ink, em, baseline, pad float32) {
	round := func(v float32) float32 { return float32(math.Round(float64(v))) }
	x, y := pad+i.x*em, baseline-(i.y+i.h)*em
	w, h := i.w*em, i.h*em
	if w >= h {
		thick := max(round(h), 1)
		y = round(y + h/2 - thick/2)
		h = thick
	} else {
		thick := max(round(w), 1)
		x = round(x + w/2 - thick/2)
		w = thick
	}
	r.MoveTo(x, y) // the way round that outlines of glyphs go, so that nothing is cut out where the two overlap
	r.LineTo(x, y+h)
	r.LineTo(x+w, y+h)
	r.LineTo(x+w, y)
	r.ClosePath()
}
