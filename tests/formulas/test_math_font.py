"""The mathematical font of formulas on a page: small, free, and with what our formulas need.

    python -m tests.formulas.test_math_font STIXMath-Regular.otf

makes it anew, a subset of STIX Math 1.1.1, which Debian has in its package fonts-stix; that takes fontTools with
brotli. The Open Font License lets a subset be shipped under another name, with the copyright and the licence in it.
"""

from __future__ import annotations

import base64
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from microgradnet import MLP, Value
from microgradnet.derivation import derive
from microgradnet.formulas.mathml import font_face

FOLDER = Path(__file__).parents[2] / 'microgradnet' / 'formulas' / 'font'
#: A browser sets a lone letter in these: mathematical italics, small h by itself, and Greek.
ITALICS = [*range(0x1D434, 0x1D468), 0x210E, *range(0x1D6FC, 0x1D716)]
UPRIGHT = [ord(sign) for sign in '0123456789()+=,.|−⋅∂∑√∞…′ˆ abcdefghijklmnopqrstuvwxyz']
NOTICE = 'Copyright (c) 2001-2011 by the STI Pub Companies. Portions copyright (c) 1998-2003 by MicroPress, Inc. and ' \
         '(c) 1990 by Elsevier, Inc. A subset of STIX Math 1.1.1.'  # fmt: skip
#: What each font has: all that a derivation is written with; of the page of ``play`` the sum over its samples.
FONTS = {
    'math': [*ITALICS, *UPRIGHT],
    'bench': [*(0x1D434 + ord(letter) - 65 - 6 * (letter > 'Z') for letter in 'Ebpw'), *map(ord, '0123456789=,−∂∑x')],
}
LICENCE = 'SIL Open Font License, Version 1.1'


def subset(path: str, signs: list[int]) -> bytes:
    """Return the subset of a font as WOFF2, with the tables of mathematics."""
    from fontTools.subset import Options, Subsetter, load_font, save_font

    options = Options(flavor='woff2', layout_features=['ssty'], name_IDs=[], hinting=False, desubroutinize=True)
    options.drop_tables += ['DSIG', 'FFTM', 'GPOS', 'GDEF']
    font = load_font(path, options)
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=signs)
    subsetter.subset(font)
    font['head'].modified = font['head'].created  # so that the same font gives the same bytes
    font.recalcTimestamp = False
    for number, text in (0, NOTICE), (1, 'Microgradnet Math'), (2, 'Regular'), (13, LICENCE):
        font['name'].setName(text, number, 3, 1, 0x409)
    output = BytesIO()
    save_font(font, output, options)
    return output.getvalue()


def test_it_is_small_and_free() -> None:
    font = (FOLDER / 'math.woff2').read_bytes()
    assert font[:4] == b'wOF2' and len(font) < 16_000
    assert len(font_face()) < 25_000 and len(font_face('bench')) < 5_000
    assert base64.b64encode(font).decode() in font_face()
    licence = (FOLDER / 'OFL.txt').read_text(encoding='utf-8')
    assert NOTICE.split('.')[0] in licence and 'SIL OPEN FONT LICENSE Version 1.1' in licence


@pytest.mark.parametrize('name', FONTS)
def test_it_has_the_tables_of_mathematics_and_every_letter(name: str) -> None:
    pytest.importorskip('brotli')
    ttLib = pytest.importorskip('fontTools.ttLib')
    font = ttLib.TTFont(FOLDER / f'{name}.woff2')
    known = font.getBestCmap()
    assert 'MATH' in font and {*FONTS[name]} - known.keys() <= {0x1D455}  # the place of small h, which is empty
    variants = font['MATH'].table.MathVariants
    grown = dict(zip(variants.VertGlyphCoverage.glyphs, variants.VertGlyphConstruction, strict=True))
    assert all(len(grown[known[ord(sign)]].MathGlyphVariantRecord) > 1 for sign in '(∑√' if ord(sign) in known)


def test_a_derivation_brings_the_font_once() -> None:
    x = Value(2.0, label='x')
    page = derive(x.tanh() * x, x).html()
    assert page.count('@font-face') == 1 and page.count(font_face()) == 1


@pytest.mark.slow
def test_the_limits_of_a_sum_are_clear_of_it(chromium: Any) -> None:
    net = MLP(1, [1], 'tanh', seed=1)
    page = derive(net, [([1.0], 0.5), ([2.0], 0.25)], net.parameters()[0]).html()
    with chromium.new_context() as context:
        tab = context.new_page()
        tab.set_content(page)
        assert tab.evaluate('document.fonts.ready.then(fonts => [...fonts].map(font => font.status))') == ['loaded']
        places = """() => [...document.querySelector('munderover').children].map(e => e.getBoundingClientRect())
            .map(place => [place.top, place.bottom])"""
        (top, bottom), (below, _), (_, above) = tab.evaluate(places)
    assert above <= top and bottom <= below


if __name__ == '__main__':
    for name, signs in FONTS.items():
        (FOLDER / f'{name}.woff2').write_bytes(subset(sys.argv[1], signs))
