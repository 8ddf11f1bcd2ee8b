import type { Instant } from '@gridtally/wire'
import { smoothNoise } from './hash.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000
const YEAR_DAYS = 365.2425
const RADIANS = Math.PI / 180

/** Where the neighbourhood lies, for the sun. */
export interface Place {
  /** Degrees, north positive. */
  readonly latitude: number
  /** Degrees, east positive. */
  readonly longitude: number
}

/** The weather of the neighbourhood, the same for all its meters. Pure functions of seed, place and instant. */
export interface Weather {
  /** Share of the sky that is covered, 0 … 1. */
  cloudCover(at: Instant): number
  /** °C */
  temperature(at: Instant): number
  /** What a kilowatt of panels gives, kW per kWp, for roofs to the east, south and west, and how dark it is (0 day … 1 night). */
  sun(at: Instant): { readonly east: number; readonly south: number; readonly west: number; readonly darkness: number }
}

/** Roofs slope by this much. */
const TILT = 35 * RADIANS
/** From light on the panel to power at the meter: inverter, cables, warmth, dust. */
const PANEL_EFFICIENCY = 0.74

const dayOfYear = (at: Instant): number => (at / DAY_MS) % YEAR_DAYS

/** Makes the weather of a seed. Temperate and maritime: −5 … 30 °C, half the days overcast. */
export function createWeather(seed: number, place: Place): Weather {
  const north = place.latitude >= 0 ? 1 : -1
  const cloudCover = (at: Instant): number => {
    const fronts = smoothNoise(seed, 1, at / (30 * HOUR_MS))
    const hours = smoothNoise(seed, 2, at / (2.5 * HOUR_MS))
    const flicker = smoothNoise(seed, 3, at / (0.4 * HOUR_MS))
    const mixed = 0.62 * fronts + 0.26 * hours + 0.12 * flicker
    return Math.min(1, Math.max(0, (mixed - 0.5) * 2.4 + 0.64))
  }
  const temperature = (at: Instant): number => {
    // Coldest around 20 January, warmest half a year later.
    const season = -Math.cos(((dayOfYear(at) - 20) / YEAR_DAYS) * 2 * Math.PI) * north
    const spells =
      (smoothNoise(seed, 4, at / (4.5 * DAY_MS)) - 0.5) * 11 + (smoothNoise(seed, 5, at / DAY_MS) - 0.5) * 5
    const solarHour = (at / HOUR_MS + place.longitude / 15) % 24
    const daily = Math.cos(((solarHour - 15) / 24) * 2 * Math.PI) * (4 + season) * (1 - 0.6 * cloudCover(at))
    return 10.4 + 7.4 * season + spells + daily
  }
  const sun: Weather['sun'] = (at) => {
    const declination = 23.44 * RADIANS * Math.sin(((dayOfYear(at) - 80) / YEAR_DAYS) * 2 * Math.PI)
    const solarHour = (at / HOUR_MS + place.longitude / 15) % 24
    const hourAngle = (solarHour - 12) * 15 * RADIANS
    const latitude = place.latitude * RADIANS
    const sinHeight =
      Math.sin(latitude) * Math.sin(declination) + Math.cos(latitude) * Math.cos(declination) * Math.cos(hourAngle)
    // Dusk and dawn run from 2° above to 6° below the horizon.
    const darkness = Math.min(1, Math.max(0, (0.035 - sinHeight) / 0.14))
    if (sinHeight <= 0.01) return { east: 0, south: 0, west: 0, darkness }
    // Clear sky after Haurwitz, cover after Kasten and Czeplak.
    const clear = 1.098 * sinHeight * Math.exp(-0.057 / sinHeight)
    const cover = cloudCover(at)
    const through = 1 - 0.75 * cover ** 3.4
    const beamShare = 0.78 * (1 - cover) ** 0.6
    const cosHeight = Math.sqrt(1 - sinHeight * sinHeight)
    const cosAzimuth =
      (Math.sin(declination) - sinHeight * Math.sin(latitude)) / (cosHeight * Math.cos(latitude) || 1e-9)
    const azimuth = Math.acos(Math.min(1, Math.max(-1, cosAzimuth))) * (hourAngle > 0 ? -1 : 1)
    const onPanel = (facing: number): number => {
      const incidence = sinHeight * Math.cos(TILT) + cosHeight * Math.sin(TILT) * Math.cos(azimuth - facing * RADIANS)
      const beam = beamShare * Math.min(5, Math.max(0, incidence) / sinHeight)
      const diffuse = (1 - beamShare) * 0.91
      return Math.min(1.15, clear * through * (beam + diffuse)) * PANEL_EFFICIENCY
    }
    const noon = north > 0 ? 180 : 0
    return { east: onPanel(90), south: onPanel(noon), west: onPanel(270), darkness }
  }
  return { cloudCover, temperature, sun }
}
