package main

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/png"

	"github.com/fyne-io/oksvg"
	"github.com/srwiley/rasterx"
)

// drawPNG draws an SVG file as a square PNG.
func drawPNG(svg []byte, size int) ([]byte, error) {
	icon, err := oksvg.ReadIconStream(bytes.NewReader(svg))
	if err != nil {
		return nil, err
	}
	icon.SetTarget(0, 0, float64(size), float64(size))
	img := image.NewRGBA(image.Rect(0, 0, size, size))
	icon.Draw(rasterx.NewDasher(size, size, rasterx.NewScannerGV(size, size, img, img.Bounds())), 1)
	var b bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, img)
	return b.Bytes(), err
}

// ico packs PNG pictures into a Windows icon: a directory of 16 bytes each, then the files. (Microsoft, "Icons", with PNG
// entries since Windows Vista)
func ico(svg []byte, sizes ...int) ([]byte, error) {
	var dir, pictures bytes.Buffer
	_ = binary.Write(&dir, binary.LittleEndian, [3]uint16{0, 1, uint16(len(sizes))}) // a bytes.Buffer does not fail
	at := 6 + 16*len(sizes)
	for _, size := range sizes {
		p, err := drawPNG(svg, size)
		if err != nil {
			return nil, err
		}
		_ = binary.Write(&dir, binary.LittleEndian, struct {
			Width, Height, Colours, Reserved uint8 // 256 is written as 0
			Planes, Bits                     uint16
			Bytes, Offset                    uint32
		}{uint8(size), uint8(size), 0, 0, 1, 32, uint32(len(p)), uint32(at)})
		at += len(p)
		pictures.Write(p)
	}
	return append(dir.Bytes(), pictures.Bytes()...), nil
}

// icns packs PNG pictures into a macOS icon: a header, then typed chunks, all lengths big-endian. (Apple Icon Image format)
func icns(svg []byte) ([]byte, error) {
	var body bytes.Buffer
	for _, kind := range []struct {
		name string
		size int
	}{{"icp4", 16}, {"icp5", 32}, {"ic07", 128}, {"ic08", 256}, {"ic09", 512}, {"ic10", 1024}} {
		p, err := drawPNG(svg, kind.size)
		if err != nil {
			return nil, err
		}
		body.WriteString(kind.name)
		_ = binary.Write(&body, binary.BigEndian, uint32(8+len(p)))
		body.Write(p)
	}
	var b bytes.Buffer
	b.WriteString("icns")
	_ = binary.Write(&b, binary.BigEndian, uint32(8+body.Len()))
	b.Write(body.Bytes())
	return b.Bytes(), nil
}
