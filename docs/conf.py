"""Settings of the documentation site; what is peculiar to this house is in house.py, the console in try_it.py.

    sphinx-build --fail-on-warning --keep-going docs site

makes the site in the folder ``site``; it wants the extra ``docs``, the program ``dot`` for pictures, and for the
console of "Try it" pip's and npm's registries, without which that page says so.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import microgradnet  # noqa: E402
from microgradnet.formulas.colours import PALETTE  # noqa: E402

project = 'microgradnet'
version = release = microgradnet.__version__
html_title = 'microgradnet'

extensions = ['myst_parser', 'sphinx.ext.autodoc', 'sphinx.ext.viewcode', 'house', 'try_it']
html_math_renderer = 'mathml'
myst_enable_extensions = ['dollarmath']
myst_heading_anchors = 3

autodoc_member_order = 'bysource'
autodoc_preserve_defaults = True
autodoc_default_options = {'members': True, 'inherited-members': True}
autodoc_typehints = 'none'
add_module_names = False
toc_object_entries_show_parents = 'hide'

html_theme = 'furo'
html_logo = html_favicon = 'pictures/logo.svg'
html_theme_options = {
    'light_css_variables': {name: str(colour) for name, colour in PALETTE.items()},
    'dark_css_variables': {name: colour.dark for name, colour in PALETTE.items()},
}
html_static_path = ['style']
html_css_files = ['site.css']
html_copy_source = False
html_show_copyright = False
