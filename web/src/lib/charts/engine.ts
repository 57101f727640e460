// The parts of ECharts that the app uses, in one chunk that is fetched when the first chart is drawn.
import { BarChart, FunnelChart, HeatmapChart, LineChart, PieChart, ScatterChart } from "echarts/charts";
import { GraphicComponent, GridComponent, MarkLineComponent, TooltipComponent, VisualMapComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { LabelLayout } from "echarts/features";
import { CanvasRenderer } from "echarts/renderers";

use([LineChart, BarChart, PieChart, HeatmapChart, ScatterChart, FunnelChart, GraphicComponent, GridComponent, TooltipComponent, VisualMapComponent, MarkLineComponent, LabelLayout, CanvasRenderer]);

export { init };
