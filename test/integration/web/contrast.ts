import type { launchBrowser } from "../../support/browser.ts";

type Browser = Awaited<ReturnType<typeof launchBrowser>>;
type Page = Awaited<ReturnType<Browser["newPage"]>>;

/** Texts whose contrast to what is painted behind them is below WCAG's AA, each with its ratio. */
export const findLowContrast = (page: Page): Promise<readonly string[]> =>
  page.evaluate(() => {
    type Colour = readonly [number, number, number, number];
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

    // A canvas turns every notation, color-mix included, into plain bytes.
    const parse = (css: string): Colour => {
      if (!canvas) throw new Error("no canvas");
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = css;
      canvas.fillRect(0, 0, 1, 1);
      const [red = 0, green = 0, blue = 0, alpha = 0] = canvas.getImageData(0, 0, 1, 1).data;
      return [red, green, blue, alpha / 255];
    };
    const over = (top: Colour, below: Colour): Colour => {
      const mix = (index: 0 | 1 | 2) => top[index] * top[3] + below[index] * (1 - top[3]);
      return [mix(0), mix(1), mix(2), 1];
    };
    const backgroundOf = (element: Element): Colour => {
      const own = parse(getComputedStyle(element).backgroundColor);
      if (own[3] === 1) return own;
      return over(own, element.parentElement ? backgroundOf(element.parentElement) : [255, 255, 255, 1]);
    };
    const luminance = (colour: Colour): number => {
      const channel = (value: number) => (value <= 10.3148 ? value / 3294.6 : ((value / 255 + 0.055) / 1.055) ** 2.4);
      return 0.2126 * channel(colour[0]) + 0.7152 * channel(colour[1]) + 0.0722 * channel(colour[2]);
    };
    const ratio = (a: Colour, b: Colour): number => {
      const [low = 0, high = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
      return (high + 0.05) / (low + 0.05);
    };
    const isShown = (element: Element): boolean =>
      element.checkVisibility() && !element.closest(".unseen, [inert], option");
    const hasText = (element: Element): boolean =>
      [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim());
    const isLarge = (style: CSSStyleDeclaration): boolean => {
      const size = Number.parseFloat(style.fontSize);
      return size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    };

    return [...document.querySelectorAll("body *")]
      .filter((element) => element instanceof HTMLElement && isShown(element) && hasText(element))
      .flatMap((element) => {
        const style = getComputedStyle(element);
        const background = backgroundOf(element);
        const found = ratio(over(parse(style.color), background), background);
        if (found >= (isLarge(style) ? 3 : 4.5)) return [];
        return [`${found.toFixed(2)} ${element.className || element.tagName}: ${element.textContent?.slice(0, 40)}`];
      });
  });
