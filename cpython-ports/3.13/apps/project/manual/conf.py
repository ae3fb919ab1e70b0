project = "Tutorial"
author = "the authors"
html_theme = "alabaster"
html_show_copyright = False
