/* What is the same in every page. */
#ifndef GAL_ANALYZE_HTML_PARTS_H
#define GAL_ANALYZE_HTML_PARTS_H

extern const char gal_html_style[];
/* Sorts tables by a click on a head, numbers as numbers; without it the page lacks nothing else. */
extern const char gal_html_script[];

#endif
