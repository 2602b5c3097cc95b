import { drillRegions } from './drill-regions.js';

process.exitCode = (await drillRegions()) ? 0 : 1;
