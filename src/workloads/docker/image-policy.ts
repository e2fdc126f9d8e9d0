import { ContainerError } from "../errors.ts";

const PINNED = /^[a-z0-9][a-z0-9._:/-]{0,254}@sha256:[0-9a-f]{64}$/;
const LOCAL = /^sha256:[0-9a-f]{64}$/;

/** Which images may run at all; every entry names one exact content. */
export interface ImagePolicy {
  /** `name@sha256:…` or the `sha256:…` id of a local image. */
  readonly allowed: readonly string[];
  /** Whether an allowed image that is missing may be fetched from its registry. */
  readonly pull: boolean;
}

export const isPinned = (image: string): boolean => PINNED.test(image);

/** Throws unless `image` names one exact content and stands on the list. */
export function checkImage(image: string, { allowed }: ImagePolicy): void {
  if (!PINNED.test(image) && !LOCAL.test(image)) {
    throw notAllowed(
      `image ${image.slice(0, 300)} is not pinned`,
      "name it as name@sha256:… or by its local sha256:… id",
    );
  }
  if (!allowed.includes(image)) throw notAllowed(`image ${image} is not allowed`, "add it to the allowed images");
}

/** An image that brings volumes of its own could write to the host's disk without a limit. */
export function checkImageVolumes(image: string, volumes: readonly string[]): void {
  if (volumes.length === 0) return;
  const named = volumes.slice(0, 4).join(", ").slice(0, 200);
  throw notAllowed(`image ${image} declares volumes of its own (${named})`, "use an image without VOLUME lines");
}

const notAllowed = (message: string, mend: string): ContainerError =>
  new ContainerError(message, { code: "ERR_IMAGE_NOT_ALLOWED", mend, retryable: false });
