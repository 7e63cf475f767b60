"""What the tests read pictures with: PNG (all filters, 8 bits) and SVG, by the standard library and numpy alone."""
import struct, zlib
import xml.etree.ElementTree as ET

import numpy as np

SVG = "{http://www.w3.org/2000/svg}"
HREF = "{http://www.w3.org/1999/xlink}href"


def png(path):
    """The pixels: [height, width] or [height, width, 3]."""
    data = open(path, "rb").read()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, body, kinds = 8, b"", []
    while at < len(data):
        n, kind = struct.unpack(">I4s", data[at : at + 8])
        chunk = data[at + 8 : at + 8 + n]
        assert zlib.crc32(kind + chunk) == struct.unpack(">I", data[at + 8 + n : at + 12 + n])[0]
        kinds.append(kind)
        if kind == b"IHDR":
            width, height, bits, colour, *rest = struct.unpack(">IIBBBBB", chunk)
            assert bits == 8 and colour in (0, 2) and rest == [0, 0, 0]
        if kind == b"IDAT":
            body += chunk
        at += n + 12
    assert kinds[0] == b"IHDR" and kinds[-1] == b"IEND"
    each = 3 if colour == 2 else 1
    raw = np.frombuffer(zlib.decompress(body), "u1").reshape(height, width * each + 1)
    out = np.zeros((height + 1, width * each), int)
    for y in range(height):
        kind, line = raw[y, 0], raw[y, 1:].astype(int)
        up = out[y]
        if kind == 0:
            out[y + 1] = line
        elif kind == 2:
            out[y + 1] = (line + up) % 256
        else:
            now = [0] * (width * each)
            for x in range(width * each):
                a, c = (now[x - each], up[x - each]) if x >= each else (0, 0)
                b = up[x]
                p = a + b - c
                paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
                now[x] = (line[x] + {1: a, 3: (a + b) // 2, 4: paeth}[kind]) % 256
            out[y + 1] = now
    return out[1:].reshape((height, width, 3) if each == 3 else (height, width))


def grid(images, columns, scale, low, high, beside=None):
    """The picture that vae-plot should draw of images[n, h, w(, 3)], by its manual."""
    sets = [np.asarray(s, float) for s in ([images] if beside is None else [beside, images])]
    n, h, w = sets[0].shape[:3]
    more = sets[0].shape[3:]
    rows, wide = -(-n // columns), 6 if len(sets) > 1 else 2
    pitch = len(sets) * (h * scale + 2) - 2 + wide
    out = np.full((2 + rows * pitch - wide + 2, 2 + columns * (w * scale + 2)) + more, 0x60)
    for k, s in enumerate(sets):
        for i in range(n):
            big = s[i].repeat(scale, 0).repeat(scale, 1)
            level = np.clip(np.floor(255 * (big - low) / (high - low) + 0.5), 0, 255)
            y, x = 2 + i // columns * pitch + k * (h * scale + 2), 2 + i % columns * (w * scale + 2)
            out[y : y + h * scale, x : x + w * scale] = np.where(np.isnan(level), 0x60, level)
    return out


def svg(path):
    root = ET.parse(path).getroot()
    assert root.tag == SVG + "svg"
    return root


def words(root):
    return ["".join(t.itertext()) for t in root.iter(SVG + "text")]


def ticks(root, anchor):
    """Names of ticks with their place: along x ("middle") or y ("end")."""
    out = []
    for t in root.iter(SVG + "text"):
        try:
            if t.get("text-anchor") == anchor and t.get("x"):
                out.append((float(t.get("x" if anchor == "middle" else "y")) + (0 if anchor == "middle" else -4), float(t.text)))
        except ValueError:
            pass
    return out


def scale(pairs):
    """Pixels -> data, by the ticks."""
    (a, u), (b, v) = pairs[0], pairs[-1]
    return lambda p: u + (np.asarray(p) - a) * (v - u) / (b - a)


def points(root):
    """Marks in the frame: their kinds, x and y in pixels."""
    frame = next(r for r in root.iter(SVG + "rect") if r.get("class") == "f")
    left, top, width, height = (float(frame.get(k)) for k in ("x", "y", "width", "height"))
    out = [(u.get(HREF), float(u.get("x")), float(u.get("y"))) for u in root.iter(SVG + "use")]
    out = [p for p in out if left <= p[1] <= left + width and top <= p[2] <= top + height]
    return [p[0] for p in out], np.array([p[1] for p in out]), np.array([p[2] for p in out])


def path(element):
    return np.array([float(v) for v in element.get("d").replace("M", " ").replace("z", "").split()]).reshape(-1, 2)
