"""Take the README's picture: python scripts/pictures.py maps/demo docs/images."""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

SHOTS = {"coverage": ("coverage.html", "clinic clinic.walk_30min")}


def main(pages: Path, images: Path) -> None:
    """Open each page, choose what the picture shows, and save it."""
    images.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1600, "height": 900})
        for name, (file, key) in SHOTS.items():
            page.goto((pages / file).resolve().as_uri())
            page.locator("html[data-ready=true]").wait_for(state="attached")
            page.locator(f'.choose [data-key="{key}"]').click()
            page.wait_for_timeout(500)
            page.screenshot(path=images / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
