"""The documents as a site: ``python -m ops.build.site`` (``npm run docs``).

    links     where a Markdown file of the project is in the site, and how its links and tables read there
    hooks     what MkDocs runs meanwhile: the pages from outside docs/, and the style sheet
    __main__  the command, in an environment of its own

``mkdocs.yml`` has the navigation and the theme. The pages are written for people who read them in the repository too,
so links are those between files. A broken link, an anchor that is gone and a page without a place in the navigation
fail the build. The site fetches nothing from another host.
"""
